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
  };
  title.addEventListener("click", sort);
  title.addEventListener("keydown", (event) => event.key === "Enter" && sort());
}
