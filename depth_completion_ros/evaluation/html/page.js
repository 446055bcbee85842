"use strict";
document.documentElement.classList.add("scripted");

// Tables: a click on a heading sorts by it, another one turns the order. What is no number stays last.
document.querySelectorAll("table.sortable").forEach(table => {
  const headings = [...table.querySelectorAll("th")];
  headings.forEach((heading, column) => heading.firstElementChild.addEventListener("click", () => {
    const down = heading.getAttribute("aria-sort") === "ascending";
    headings.forEach(other => other.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const numbers = heading.classList.contains("number");
    const value = row => numbers ? parseFloat(row.cells[column].textContent) : row.cells[column].textContent;
    const compare = (a, b) => {
      const [x, y] = [value(a), value(b)];
      if (numbers && (isNaN(x) || isNaN(y))) return isNaN(x) - isNaN(y);
      const order = numbers ? x - y : x.localeCompare(y, undefined, { numeric: true });
      return down ? -order : order;
    };
    const body = table.tBodies[0];
    [...body.rows].sort(compare).forEach(row => body.append(row));
  }));
});

// Frames: one is shown; two completers lie over each other, parted at the slider.
document.querySelectorAll(".viewer").forEach(viewer => {
  const [trial, left, right] = ["trial", "left", "right"].map(name => viewer.querySelector(`select.${name}`));
  const cut = viewer.querySelector(".cut");
  const show = () => {
    viewer.style.setProperty("--cut", `${cut.value}%`);
    viewer.querySelectorAll(".shown").forEach((section, at) => section.classList.toggle("chosen", at === +trial.value));
    viewer.querySelectorAll(".stack").forEach(stack => {
      const choice = stack.classList.contains("fixed") ? [0, 1] : [+left.value, +right.value];
      [...stack.children].forEach((image, at) => {
        image.classList.toggle("below", at === choice[0]);
        image.classList.toggle("above", at === choice[1] && choice[0] !== choice[1]);
      });
      stack.classList.toggle("double", stack.children.length > 1 && choice[0] !== choice[1]);
    });
    viewer.querySelectorAll(".scores").forEach(scores => [...scores.children].forEach((text, at) => {
      text.hidden = at !== +left.value && at !== +right.value;
    }));
  };
  [trial, left, right, cut].forEach(control => control.addEventListener("input", show));
  viewer.querySelectorAll(".stack").forEach(stack => {
    const drag = event => {
      if (event.type === "pointermove" && !event.buttons) return;
      const box = stack.getBoundingClientRect();
      cut.value = 100 * (event.clientX - box.left) / box.width;
      show();
    };
    stack.addEventListener("pointerdown", drag);
    stack.addEventListener("pointermove", drag);
  });
  show();
});
