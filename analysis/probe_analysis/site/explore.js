"use strict";
(() => {
  const held = JSON.parse(document.getElementById("held").textContent);
  const choices = ["cc", "asn", "service", "step"].map((name) => document.getElementById("choose-" + name));
  const [country, network, service, step] = choices;
  const plot = document.getElementById("plot");
  const told = document.getElementById("told");
  const rows = document.getElementById("rows");
  const DAY = 86400000;
  const MIN_DECIDED = 5;

  const fill = (choice, options) => {
    const before = choice.value;
    choice.replaceChildren(...options.map(([value, words]) => {
      const option = document.createElement("option");
      option.value = value;
      option.textContent = words;
      return option;
    }));
    if (options.some(([value]) => value === before)) choice.value = before;
  };

  const list = (at, name) => [...new Set(held.series.map((one) => one[at]))].map((key) => [String(key), name(key)])
    .sort((a, b) => a[1].localeCompare(b[1], "en", { numeric: true }));

  const pick = () => held.series.filter(([cc, asn, name]) => cc === country.value && name === service.value &&
    (network.value === "" || String(asn) === network.value));

  const sum = (chosen, width) => {
    const steps = Array.from({ length: Math.ceil(held.days / width) }, () => ({ n: 0, blocked: 0 }));
    for (const [, , , text] of chosen) {
      text.split(",").forEach((pair, day) => {
        if (!pair) return;
        const [n, blocked] = pair.split("/").map(Number);
        steps[Math.floor(day / width)].n += n;
        steps[Math.floor(day / width)].blocked += blocked;
      });
    }
    return steps;
  };

  const shape = (name, attributes, words) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (words !== undefined) made.textContent = words;
    return made;
  };

  const day = (number) => new Date(Date.parse(held.first_day) + number * DAY).toISOString().slice(0, 10);

  const draw = () => {
    const width = Number(step.value);
    const steps = sum(pick(), width);
    const most = Math.max(1, ...steps.map((one) => one.n));
    const shapes = [0.5, 100, 200].map((y) => shape("line", { x1: 0, x2: "100%", y1: y, y2: y }));
    steps.forEach((one, at) => {
      const x = (100 * at) / steps.length + "%";
      const wide = Math.max(0.1, 90 / steps.length) + "%";
      if (one.n >= MIN_DECIDED && one.blocked) {
        const high = (200 * one.blocked) / one.n;
        shapes.push(shape("rect", { class: "blocked", x, y: 200 - high, width: wide, height: high }));
      }
      const low = (45 * one.n) / most;
      shapes.push(shape("rect", { class: "n", x, y: 270 - low, width: wide, height: low }));
    });
    shapes.push(shape("text", { x: 4, y: 14 }, "100 % blocked"), shape("text", { x: 4, y: 216 }, "n of each step, at most " + most),
      shape("text", { x: 0, y: 288 }, day(0)), shape("text", { x: "100%", y: 288, "text-anchor": "end" },
        day(held.days - 1)));
    plot.replaceChildren(...shapes);
    const n = steps.reduce((all, one) => all + one.n, 0);
    const blocked = steps.reduce((all, one) => all + one.blocked, 0);
    told.textContent = n ? `${blocked} of ${n} decided runs were blocked. A step with fewer than five has no share.`
      : "Nothing was decided here.";
    plot.setAttribute("aria-label", told.textContent);
    rows.replaceChildren(...steps.flatMap((one, at) => one.n ? [[day(at * width), one.n, one.blocked]] : [])
      .map((cells) => {
        const row = document.createElement("tr");
        row.append(...cells.map((text) => Object.assign(document.createElement("td"), { textContent: text })));
        return row;
      }));
  };

  const choose = () => {
    const inside = held.series.filter(([cc]) => cc === country.value);
    const numbers = [...new Set(inside.map((one) => one[1]))].filter(Boolean).sort((a, b) => a - b);
    fill(network, [["", "All together"], ...numbers.map((asn) => [String(asn), held.networks[asn] || "AS" + asn])]);
    fill(service, list(2, (name) => held.titles[name] || name)
      .filter(([name]) => inside.some((one) => one[2] === name)));
    draw();
  };

  fill(country, list(0, (cc) => cc));
  country.addEventListener("change", choose);
  for (const choice of [network, service, step]) choice.addEventListener("change", draw);
  if (held.series.length) choose();
})();
