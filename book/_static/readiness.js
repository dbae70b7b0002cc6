/* The readiness self-assessment: turns "☐ 0 ☐ 1 ☐ 2" into choices and adds them up. Nothing is stored or sent.
   Without this script the page is a form to print. All texts shown here are taken from the page itself. */
(() => {
  "use strict";
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  const areas = [...document.querySelectorAll(".ready-area")].map((box, number) => {
    const heading = box.closest("section").querySelector("h2");
    const title = heading.firstChild.textContent.trim();
    const first = [...box.querySelectorAll("p")].find((p) => p.textContent.startsWith("If this area"));
    const questions = [...box.querySelectorAll("tbody tr")].map((row, line) => {
      const [asked, answer] = row.cells;
      const id = `ready-${number + 1}-${line + 1}`;
      asked.id = id;
      const group = make("div", { role: "radiogroup", "aria-labelledby": id, class: "ready-choice" });
      const inputs = ["no", "partly", "yes"].map((word, score) => {
        const input = make("input", { type: "radio", name: `${id}-score`, value: String(score) });
        group.append(make("label", {}, input, ` ${score} `, make("span", { class: "ready-word" }, word)));
        return input;
      });
      answer.replaceChildren(group);
      return { text: asked.textContent.trim(), must: asked.textContent.startsWith("Must."), inputs };
    });
    return { title, first, questions, link: heading.closest("section").id };
  });
  const panel = document.querySelector(".ready-result");
  if (!areas.length || !panel) return;

  const score = (question) => question.inputs.findIndex((input) => input.checked); /* -1: not answered */
  const total = areas.reduce((sum, area) => sum + area.questions.length, 0);

  const status = make("p", { role: "status", class: "ready-status" });
  const bars = make("div", { class: "ready-bars" });
  const advice = make("div", { class: "ready-advice" });
  const button = (text, does) => {
    const element = make("button", { type: "button" }, text);
    element.addEventListener("click", does);
    return element;
  };
  const copied = make("span", { role: "status", class: "ready-copied" });
  const buttons = make("p", { class: "ready-buttons" },
    button("Clear all answers", () => {
      for (const area of areas) for (const q of area.questions) for (const input of q.inputs) input.checked = false;
      show();
    }),
    button("Print", () => window.print()),
    button("Copy the result as text", async () => {
      try {
        await navigator.clipboard.writeText(asText());
        copied.textContent = " Copied.";
      } catch {
        copied.textContent = " Your browser does not allow copying; print instead.";
      }
    }), copied);
  panel.append(status, bars, advice, buttons);
  panel.classList.add("ready-live");

  function results() {
    return areas.map((area) => {
      const scores = area.questions.map(score);
      return {
        ...area,
        answered: scores.filter((s) => s >= 0).length,
        sum: scores.reduce((sum, s) => sum + Math.max(s, 0), 0),
        most: 2 * area.questions.length,
      };
    });
  }

  function show() {
    copied.textContent = "";
    const found = results();
    const answered = found.reduce((sum, area) => sum + area.answered, 0);
    bars.replaceChildren(...found.map((area) => {
      const text = area.answered ? `${area.sum} of ${area.most}` : "not answered";
      const open = area.answered && area.answered < area.questions.length
        ? ` (${area.answered} of ${area.questions.length} answered)` : "";
      const fill = make("span", { class: "ready-fill", style: `width: ${(100 * area.sum) / area.most}%` });
      return make("div", { class: "ready-row" },
        make("a", { href: `#${area.link}` }, area.title),
        make("span", { class: "ready-bar", "aria-hidden": "true" }, fill),
        make("span", { class: "ready-sum" }, text + open));
    }));

    const stops = areas.flatMap((area) => area.questions.filter((q) => q.must && score(q) === 0));
    advice.replaceChildren();
    if (stops.length) {
      advice.append(make("p", {}, make("strong", {}, "Stop and repair first:")),
        make("ul", {}, ...stops.map((q) => make("li", {}, q.text.replace(/^Must\.\s*/, "")))));
    }
    const complete = found.filter((area) => area.answered === area.questions.length);
    if (answered === total) {
      const least = Math.min(...complete.map((area) => area.sum));
      const lowest = complete.filter((area) => area.sum === least);
      for (const area of lowest) {
        const words = area.first.cloneNode(true);
        const when = stops.length ? "Then" : "Do first";
        words.firstChild.textContent = `${when}: ${area.title} (${area.sum} of ${area.most}):`;
        advice.append(words);
      }
      status.textContent = `All ${total} questions are answered. ` +
        `${stops.length === 1 ? "1 Must stands" : `${stops.length} Musts stand`} at 0. ` +
        `Lowest: ${lowest.map((area) => area.title).join("; ")}, ${least} of 8.`;
    } else {
      status.textContent = answered
        ? `${answered} of ${total} questions are answered. The advice appears when all are.`
        : "No question is answered yet.";
    }
  }

  function asText() {
    const lines = ["Readiness self-assessment", ""];
    for (const area of results()) {
      lines.push(`${area.title}: ${area.sum} of ${area.most}`);
      for (const q of area.questions) lines.push(`  [${score(q) < 0 ? " " : score(q)}] ${q.text}`);
    }
    return [...lines, "", status.textContent].join("\n");
  }

  document.addEventListener("change", (event) => {
    if (event.target.name?.startsWith("ready-")) show();
  });
  show();
})();
