"use strict";
(() => {
  const folded = () => document.querySelectorAll("details:not([open])");
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...folded()];
    opened.forEach((one) => { one.open = true; });
  });
  addEventListener("afterprint", () => opened.forEach((one) => { one.open = false; }));

  const grid = document.querySelector("table.grid");
  if (!grid) return;
  const panel = document.getElementById("answer");
  const heads = [...grid.tHead.rows[0].cells];
  const rows = [...grid.querySelectorAll("tbody tr:not(.group)")];
  let marked = [];

  const line = (kind, words) => {
    const part = document.createElement("span");
    part.className = kind;
    part.textContent = words;
    return part;
  };
  const show = (button) => {
    const cell = button.parentElement;
    const row = cell.parentElement.cells[0];
    const head = heads[cell.cellIndex];
    marked.forEach((one) => one.classList.remove("at"));
    marked = [row, head, button];
    marked.forEach((one) => one.classList.add("at"));
    const ids = (button.getAttribute("aria-describedby") || "").split(" ").filter(Boolean);
    const answers = ids.map((id) => line("told", document.getElementById(id).textContent));
    panel.replaceChildren(
      line(button.className.replace(/\bat\b/, ""), ""),
      line("state", button.getAttribute("aria-label")),
      line("asked", `${row.dataset.name} → ${head.querySelector(".unseen").textContent}`),
      ...answers,
    );
  };
  const reach = (button) => {
    grid.querySelectorAll("button[tabindex='0']").forEach((one) => { one.tabIndex = -1; });
    button.tabIndex = 0;
  };
  const at = (event) => event.target.closest("button");

  grid.addEventListener("mouseover", (event) => { if (at(event)) show(at(event)); });
  grid.addEventListener("click", (event) => { if (at(event)) show(at(event)); });
  grid.addEventListener("focusin", (event) => {
    if (!at(event)) return;
    reach(at(event));
    show(at(event));
  });
  grid.addEventListener("keydown", (event) => {
    if (!at(event) || event.ctrlKey || event.altKey || event.metaKey) return;
    const cell = at(event).parentElement;
    const y = rows.indexOf(cell.parentElement);
    const x = cell.cellIndex;
    const last = heads.length - 1;
    const goals = {
      ArrowRight: [y, x + 1], ArrowLeft: [y, x - 1], ArrowDown: [y + 1, x], ArrowUp: [y - 1, x],
      Home: [y, 1], End: [y, last], PageUp: [0, x], PageDown: [rows.length - 1, x],
    };
    const goal = goals[event.key];
    if (!goal) return;
    event.preventDefault();
    const [to, column] = goal;
    if (rows[to] && column >= 1 && column <= last) rows[to].cells[column].firstElementChild.focus();
  });
})();
