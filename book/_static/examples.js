/* Filters for the page of examples. Choices are made from the table; without this script everything is shown. */
(() => {
  "use strict";
  const box = document.querySelector(".examples-overview");
  const table = box?.querySelector("table");
  if (!table) return;
  const LETTERS = ["D", "M", "C", "R"];
  const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
  const column = (name) => heads.indexOf(name);

  const rows = [...table.tBodies[0].rows].map((row) => {
    const id = decodeURIComponent(row.querySelector("a").hash.slice(1));
    const target = document.getElementById(id);
    const section = target?.closest("section");
    const text = `${row.textContent} ${section?.textContent ?? ""}`.toLowerCase();
    return { row, section, text, value: (name) => row.cells[column(name)].textContent.trim() };
  });

  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const chooser = (name, all) => {
    const values = [...new Set(rows.map((r) => r.value(name)))].sort();
    return make("select", { "data-column": name }, make("option", { value: "" }, all),
      ...values.map((value) => make("option", { value }, value)));
  };
  const labelled = (text, control) => make("label", {}, make("span", {}, text), control);

  const search = make("input", { type: "search", autocomplete: "off" });
  const learns = chooser("Who learns", "anybody");
  const measured = chooser("Measured how", "in any way");
  const boxes = LETTERS.map((letter) => make("input", { type: "checkbox", value: letter }));
  const status = make("p", { role: "status", class: "examples-status" });
  const clear = make("button", { type: "button" }, "Show all");
  const form = make("form", { class: "examples-filter", "aria-label": "Filter the examples" },
    labelled("Words", search), labelled("Who learns", learns), labelled("Measured", measured),
    make("fieldset", {}, make("legend", {}, "Only with a yes in"),
      ...boxes.map((input, i) => make("label", {}, input, ` ${LETTERS[i]} `))),
    clear, status);
  box.prepend(form);

  function show() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = boxes.filter((input) => input.checked).map((input) => input.value);
    let shown = 0;
    for (const r of rows) {
      const fits = words.every((word) => r.text.includes(word))
        && (!learns.value || r.value("Who learns") === learns.value)
        && (!measured.value || r.value("Measured how") === measured.value)
        && wanted.every((letter) => r.value(letter) === "yes");
      r.row.hidden = !fits;
      if (r.section) r.section.hidden = !fits;
      shown += fits;
    }
    for (const group of new Set(rows.map((r) => r.section?.parentElement).filter(Boolean))) {
      group.hidden = ![...group.querySelectorAll(":scope > section")].some((section) => !section.hidden);
    }
    status.textContent = shown === rows.length ? `All ${shown} examples are shown.`
      : `${shown} of ${rows.length} examples are shown, here and below.`;
  }

  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  clear.addEventListener("click", () => { form.reset(); show(); });
  /* A link to an example that the filter hides shows all again. */
  addEventListener("hashchange", () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target?.closest("[hidden]")) { form.reset(); show(); target.scrollIntoView(); }
  });
  show();
})();
