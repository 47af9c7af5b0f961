// A click on a column's title sorts by it, a second one turns the order round.
for (const title of document.querySelectorAll("table.sortable th")) {
  title.tabIndex = 0;
  const sort = () => {
    const table = title.closest("table");
    const column = title.cellIndex;
    const down = title.getAttribute("aria-sort") === "ascending";
    const value = (row) => {
      const text = row.cells[column].dataset.value;
      const number = Number(text);
      return text !== "" && !Number.isNaN(number) ? number : text === "inf" ? Infinity : text;
    };
    const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
    const rows = [...table.tBodies[0].rows].sort((a, b) => (down ? -1 : 1) * compare(value(a), value(b)));
    table.tBodies[0].append(...rows);
    for (const other of title.parentNode.cells) other.removeAttribute("aria-sort");
    title.setAttribute("aria-sort", down ? "descending" : "ascending");
    table.dispatchEvent(new Event("sort", { bubbles: true }));
  };
  title.addEventListener("click", sort);
  title.addEventListener("keydown", (event) => event.key === "Enter" && sort());
}

// Lists of a thousand entries: found by words and by kind, shown a page at a time.
const ENTRIES_A_PAGE = 25;
for (const list of document.querySelectorAll("[data-list]")) {
  const finder = list.querySelector(".finder");
  const entries = list.querySelector("[data-entries]");
  const [words, kind, shown] = ["input", "select", "output"].map((name) => finder.querySelector(name));
  const [back, on] = finder.querySelectorAll("button");
  let first = 0;
  const show = () => {
    const wanted = words.value.toLowerCase().split(/\s+/);
    const found = [...entries.children].filter(
      ({ dataset }) => wanted.every((word) => dataset.words.includes(word)) && [dataset.kind, ""].includes(kind.value),
    );
    const page = new Set(found.slice(first, first + ENTRIES_A_PAGE));
    for (const entry of entries.children) entry.hidden = !page.has(entry);
    shown.value = page.size ? `${first + 1}–${first + page.size} of ${found.length}` : "none";
    back.disabled = first === 0;
    on.disabled = first + ENTRIES_A_PAGE >= found.length;
  };
  const turn = (to) => {
    first = to;
    show();
  };
  // A link to an entry opens the page that it is on.
  const reveal = () => {
    const entry = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (entry?.parentNode !== entries) return;
    finder.reset();
    const place = [...entries.children].indexOf(entry);
    turn(place - (place % ENTRIES_A_PAGE));
    entry.scrollIntoView();
  };
  finder.addEventListener("input", () => turn(0));
  finder.addEventListener("submit", (event) => event.preventDefault());
  list.addEventListener("sort", () => turn(0));
  back.addEventListener("click", () => turn(first - ENTRIES_A_PAGE));
  on.addEventListener("click", () => turn(first + ENTRIES_A_PAGE));
  addEventListener("hashchange", reveal);
  finder.hidden = false;
  show();
  reveal();
}
