"""What only the publisher of a release knows. The run cannot tell it, so nothing is written where it is not stated."""

from __future__ import annotations

from dataclasses import dataclass

from sfm_gt.errors import InputError


@dataclass(frozen=True)
class Publisher:
    """Facts for the cards of a release.

    Attributes:
        url: page of the data set.
        creators: names of the people who made it.
        contact: e-mail address or page for requests, such as that a video be removed.
        synthetic: whether the videos are rendered or generated; None = not stated. The pipeline adds nothing synthetic.

    Raises:
        InputError: a url that is none.
    """

    url: str | None = None
    creators: tuple[str, ...] = ()
    contact: str | None = None
    synthetic: bool | None = None

    def __post_init__(self) -> None:
        if self.url is not None and not self.url.startswith(("https://", "http://")):
            raise InputError(f"--url {self.url}: no address of a page; needed https://...")

    @property
    def not_stated(self) -> list[str]:
        """Names of what is missing, as the command's options."""
        stated = {"--url": self.url, "--creator": self.creators or None, "--contact": self.contact,
                  "--synthetic or --filmed": self.synthetic}  # fmt: skip
        return [option for option, value in stated.items() if value is None]
