/* The code of the page Try runs in the browser: Python (Pyodide) and a record, both from this book's own folder.
   Without this script, or without those files, the page is read as any other. */
(() => {
  "use strict";
  const place = document.querySelector(".try-python");
  if (!place) return;
  const files = new URL(place.dataset.files, document.baseURI);

  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  /* Runs a cell as a notebook does: what it prints and its last value are shown, an error as one sentence. */
  const RUNNER = `
import gzip, pathlib, traceback
from pyodide.code import eval_code

pathlib.Path("record.sqlite").write_bytes(gzip.decompress(pathlib.Path("record.sqlite.gz").read_bytes()))
cells = {}

def run_cell(code):
    try:
        value = eval_code(code, cells)
        if value is not None:
            print(repr(value))
    except BaseException as error:
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == "<exec>"]
        where = f"line {lines[0]}: " if lines else ""
        return where + "".join(traceback.format_exception_only(error)).strip()
run_cell
`;

  const status = make("p", { role: "status", class: "try-status" });
  const startButton = make("button", { type: "button", class: "try-run" }, "Start Python here");
  const allButton = make("button", { type: "button", class: "try-run" }, "Run all");
  place.append(startButton, allButton, status);
  status.textContent = `${place.dataset.megabytes} MB come from this book's own address, and nothing from any other.`;

  let runner; // a promise of the function that runs a cell, once somebody asked for it
  let print = () => {};

  async function start() {
    if (location.protocol === "file:") throw new Error("a browser starts Python only from a server: make serve");
    status.textContent = "Python is on its way …";
    const began = performance.now();
    const { loadPyodide } = await import(new URL("pyodide.mjs", files));
    const [python, record] = await Promise.all([
      loadPyodide({ indexURL: files.href, stdout: (line) => print(line), stderr: (line) => print(line) }),
      fetch(new URL("record.sqlite.gz", files)).then((answer) => answer.arrayBuffer()),
    ]);
    python.FS.writeFile("record.sqlite.gz", new Uint8Array(record));
    const run = python.runPython(RUNNER);
    startButton.disabled = true;
    status.textContent = `Python ${python.runPython("import platform; platform.python_version()")} is ready, ` +
      `after ${((performance.now() - began) / 1000).toFixed(1)} seconds.`;
    return run;
  }

  function ready() {
    runner ??= start().catch((error) => {
      runner = undefined;
      status.textContent = `Python did not start: ${error.message}.`;
      throw error;
    });
    return runner;
  }

  const cells = [...document.querySelectorAll("div.try")].map((block, number) => {
    const code = block.querySelector("pre").textContent.trimEnd();
    const editor = make("textarea", { class: "try-code", spellcheck: "false", autocapitalize: "off",
      autocomplete: "off", wrap: "off", rows: String(code.split("\n").length),
      "aria-label": `Code ${number + 1}` });
    editor.value = code;
    editor.addEventListener("input", () => { editor.rows = editor.value.split("\n").length; cell.done = false; });
    const button = make("button", { type: "button", class: "try-run" }, "Run");
    const output = make("pre", { class: "try-output", "aria-live": "polite", tabindex: "0" });
    output.hidden = true;
    block.replaceChildren(editor, button, output);
    const cell = { editor, button, output, answer: block.classList.contains("try-answer"), done: false };
    button.addEventListener("click", () => runTo(cell));
    editor.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.shiftKey || event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        runTo(cell);
      }
    });
    return cell;
  });

  async function runOne(cell) {
    const run = await ready();
    const lines = [];
    print = (line) => lines.push(line);
    const error = run(cell.editor.value);
    if (error) lines.push(error);
    cell.done = !error;
    cell.output.textContent = lines.join("\n") || "(nothing to show)";
    cell.output.classList.toggle("try-error", Boolean(error));
    cell.output.hidden = false;
    return !error;
  }

  /* A cell needs those above it. An answer is only run when it is asked for, and then also after a cell that refused. */
  async function runTo(last) {
    for (const cell of cells.slice(0, cells.indexOf(last))) {
      if (!cell.done && !cell.answer && !(await runOne(cell)) && !last.answer) return;
    }
    await runOne(last);
  }

  startButton.addEventListener("click", () => ready().catch(() => {}));
  allButton.addEventListener("click", async () => {
    for (const cell of cells) if (!cell.answer && !(await runOne(cell))) return;
  });
})();
