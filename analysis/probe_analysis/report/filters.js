"use strict";
(() => {
  const bar = document.getElementById("filters");
  const status = document.getElementById("shown");
  const choices = ["network", "service", "outcome"].map((name) => document.getElementById("filter-" + name));
  const sections = [...document.querySelectorAll("section.service")];
  const rows = [...document.querySelectorAll("tr[data-service]")];

  const apply = () => {
    const [network, service, outcome] = choices.map((choice) => choice.value);
    let shown = 0;
    for (const part of document.querySelectorAll("section.part")) {
      part.hidden = network !== "" && part.dataset.network !== network;
    }
    for (const section of sections) {
      section.hidden = (service !== "" && section.dataset.service !== service) ||
        (outcome !== "" && !section.dataset.outcomes.split(" ").includes(outcome));
      if (!section.hidden && !section.closest("section.part").hidden) shown += 1;
    }
    for (const row of rows) row.hidden = service !== "" && row.dataset.service !== service;
    status.textContent = status.dataset.words.replace("{shown}", shown).replace("{total}", sections.length);
  };

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const one of opened) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of opened) one.open = false;
  });

  for (const choice of choices) choice.addEventListener("change", apply);
  bar.hidden = false;
  apply();
})();
