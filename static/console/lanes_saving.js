// Saves what is arranged and tells the drivers; plans trips anew.
import { act, inTurn, later, post, problem, refresh } from "./lanes_changes.js";
import { filled } from "./lanes_view.js";
import { alarm, drawState, page, saveButton, status, urls, words } from "./lanes_page.js";
import { listed } from "./writing.js";

const results = document.getElementById("lanes-results");

function line(name) {
  const row = document.createElement("li");
  const label = document.createElement("bdi");
  label.textContent = name;
  const said = document.createElement("span");
  row.append(label, `${words.colon} `, said);
  results.append(row);
  return (text, isDone) => {
    said.textContent = listed([said.textContent, text].filter(Boolean));
    row.className = isDone ? "is-done" : "is-refused";
  };
}

/** Store what is arranged; tells which trips are saved and how to say more of each. */
async function store() {
  const runs = page.board.changed();
  if (!runs.length) return [];
  results.replaceChildren();
  results.hidden = false;
  status.textContent = words.saving;
  alarm.textContent = "";
  const rows = new Map(runs.map((run) => {
    const { plate } = page.board.vehicles.get(run.vehicle);
    return [run.key, { say: line(run.trip ? `${plate} · ${run.trip.name}` : plate), hasToKnow: run.stops.length > 0 || run.trip?.was_told }];
  }));
  const answer = await post(urls.save, { runs: runs.map((run) => page.board.asJson(run)) });
  for (const row of answer.runs) rows.get(row.key).say(row.message, row.is_done);
  const done = answer.runs.filter((row) => row.is_done);
  if (done.length < answer.runs.length) alarm.textContent = words.someNotSaved;
  page.board.settle(done.map((row) => row.key));
  page.before = [];
  await refresh().catch(() => {});
  return done.filter((row) => row.is_changed && rows.get(row.key).hasToKnow).map((row) => ({ trip: row.trip, say: rows.get(row.key).say }));
}

async function tell({ trip, say }) {
  try {
    say((await post(urls.tell.replace("0", trip), {})).message, true);
  } catch (error) {
    say(problem(error, words.notTold), false);
  }
}

async function save() {
  if (page.isSaving) return;
  page.isSaving = true;
  drawState();
  let saved = [];
  await inTurn(async () => {
    try {
      saved = await store();
    } catch (error) {
      alarm.textContent = problem(error, words.notSavedYet);
    }
  });
  for (const one of saved) await tell(one);
  page.isSaving = false;
  status.textContent = "";
  drawState();
  later().catch(() => {}); // the page reads the day again by itself
}

saveButton.addEventListener("click", save);
addEventListener("beforeunload", (event) => {
  if (page.board.changed().length || page.isSaving) event.preventDefault();
});

document.getElementById("lanes-replan")?.addEventListener("click", async (event) => {
  const button = event.currentTarget;
  button.disabled = true;
  status.textContent = words.replanning;
  await inTurn(() => {});
  const mine = page.board.snapshot();
  const runs = [...page.board.runs.values()].filter((run) => run.trip || run.stops.length);
  try {
    const answer = await post(urls.replan, { runs: runs.map((run) => page.board.asJson(run)) });
    await act(() => {
      const isStill = JSON.stringify(page.board.snapshot().runs.map((run) => run[3])) === JSON.stringify(mine.runs.map((run) => run[3]));
      const changed = isStill ? page.board.arrange(answer.runs) : [];
      status.textContent = isStill ? words.nothingBetter : words.notChecked;
      return changed;
    }, answer.saved_minutes > 0 ? filled(words.replanned, { n: answer.saved_minutes }) : words.replannedPromises);
  } catch (error) {
    status.textContent = "";
    alarm.textContent = problem(error, words.notChecked);
  }
  button.disabled = false;
});
