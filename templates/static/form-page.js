// The questions on the page: what they hold, which are asked, and how far one is. No network here.

const page = document.querySelector("[data-form]");
export const questions = page ? [...document.querySelectorAll("[data-key]")] : [];
export const byKey = new Map(questions.map((q) => [q.dataset.key, q]));
const OUTCOME = "visit:outcome";
const bad = (question) => (question.dataset.bad || "").split("、").filter(Boolean);

export const read = (question) => {
  const checked = [...question.querySelectorAll("[data-value]:checked")].map((input) => input.value);
  const typed = question.querySelector("[data-typed]");
  return {
    value: checked.length ? checked.join("、") : typed ? typed.value.trim() : "",
    note: question.querySelector("[data-note]")?.value.trim() || "",
    reading: question.querySelector("[data-reading]")?.value.trim() || "",
    verdict: question.querySelector("[data-verdict]:checked")?.value || "",
  };
};

export const write = (question, answer) => {
  const chosen = (answer.value || "").split("、");
  for (const input of question.querySelectorAll("[data-value]")) input.checked = chosen.includes(input.value);
  for (const input of question.querySelectorAll("[data-verdict]")) input.checked = input.value === answer.verdict;
  for (const [selector, value] of [["[data-typed]", answer.value], ["[data-note]", answer.note], ["[data-reading]", answer.reading]]) {
    const input = question.querySelector(selector);
    if (input) input.value = value || "";
  }
};

const files = (question) => question.querySelectorAll(".photos li:not(.refused)").length;
const wantsFiles = (question) => ["PHOTO", "SIGNATURE"].includes(question.dataset.kind);
const isBad = (question) => read(question).value.split("、").some((value) => bad(question).includes(value));

const isAsked = (question) => {
  const counted = byKey.get(question.dataset.counted);
  if (counted && Number(question.dataset.nth) > Number(read(counted).value || 0)) return false;
  return JSON.parse(question.dataset.when || "[]").every(([key, value]) => {
    const other = byKey.get(key);
    return other && isAsked(other) && read(other).value.split("、").includes(value);
  });
};

const isAnswered = (question) => (wantsFiles(question) ? files(question) >= Number(question.dataset.photos || 1) : read(question).value !== "");

const drawConclusion = (question) => {
  const mine = questions.filter((q) => q.dataset.key.startsWith(`${question.dataset.code}:`) && !q.hidden);
  const open = mine.filter((q) => !isAnswered(q) && !("optional" in q.dataset)).length;
  const found = mine.filter(isBad).length;
  const words = question.querySelector(".verdict");
  const text = found ? `有 ${found} 处不合格，结论由不合格项得出。` : open ? `还有 ${open} 项没有回答。` : "没有不合格项。确实未发现问题的，请点下面确认。";
  if (words.textContent !== text) words.textContent = text;
  question.querySelector(".choices").hidden = found > 0 || open > 0;
  question.classList.toggle("answered", found > 0 || read(question).value !== "");
  return { asked: found === 0, done: read(question).value !== "" && open === 0 };
};

const drawQuestion = (question, unable, outcome) => {
  question.hidden = !isAsked(question) || (unable && question !== outcome);
  question.classList.toggle("answered", isAnswered(question));
  question.classList.toggle("is-bad", isBad(question));
  const ask = question.querySelector(".ask");
  if (ask) ask.hidden = !(isBad(question) || question.hasAttribute("data-always") || read(question).note || files(question));
};

// Show what is asked; give how many are answered of how many.
export const draw = () => {
  const outcome = byKey.get(OUTCOME);
  const unable = Boolean(outcome && read(outcome).value);
  document.body.classList.toggle("is-unable", unable);
  let answered = 0, asked = 0;
  for (const question of questions.filter((q) => q.dataset.kind !== "CONCLUSION")) {
    drawQuestion(question, unable, outcome);
    if (question === outcome || question.hidden) continue;
    asked += 1;
    answered += isAnswered(question);
  }
  for (const question of questions.filter((q) => q.dataset.kind === "CONCLUSION")) {
    question.hidden = unable;
    const state = drawConclusion(question);
    if (unable || !state.asked) continue;
    asked += 1;
    answered += state.done;
  }
  for (const part of document.querySelectorAll(".part")) {
    const inside = [...part.querySelectorAll("[data-key]")].filter((q) => !q.hidden);
    part.hidden = inside.length === 0;
    const count = part.querySelector(".count");
    count.textContent = `${inside.filter(isAnswered).length}/${inside.length}`;
  }
  for (const head of document.querySelectorAll(".list-head")) head.hidden = unable;
  for (const question of questions) judged.set(question.dataset.key, judgedNow(question));
  return { answered, asked, unable };
};

// The conclusions that rest on a question: its new answer takes them back, a new note does not; as on the server.
const judged = new Map(); // draft key -> what was judged when it was last looked at
const judgedNow = (question) => { const { value, reading, verdict } = read(question); return JSON.stringify([value, reading, verdict]); };
export const restsOn = (question) => {
  if (question.dataset.kind === "CONCLUSION" || judged.get(question.dataset.key) === judgedNow(question)) return [];
  const code = question.dataset.key.split(":")[0];
  return questions.filter((q) => q.dataset.kind === "CONCLUSION" && q.dataset.code === code && read(q).value);
};

export const nextOpen = () => {
  const open = questions.filter((q) => !q.hidden && !q.disabled && q.dataset.key !== OUTCOME
    && (!q.classList.contains("answered") || q.classList.contains("has-error") || q.querySelector(".from.also")));
  return open.find((q) => q.getBoundingClientRect().top > 70) || open[0] || null;
};

const isTyping = (question) => question.contains(document.activeElement) && document.activeElement.matches("textarea, [data-typed], [data-reading]");

// Show the server's draft, except where something waits to be sent or somebody is typing. Gives the keys it shows.
export const take = (draft, isWaiting) => {
  const shown = [];
  for (const question of questions) {
    const key = question.dataset.key;
    if (isWaiting(key)) continue;
    if (isTyping(question)) continue;
    const answer = draft[key] || {};
    if (JSON.stringify(read(question)) !== JSON.stringify({ value: "", note: "", reading: "", verdict: "", ...pick(answer) })) write(question, answer);
    const from = question.querySelector(".from");
    from.textContent = answer.also || (answer.by ? `${answer.by} 填写` : "");
    from.classList.toggle("also", Boolean(answer.also));
    question.querySelector("[data-settle]").hidden = !answer.also;
    shown.push(key);
  }
  return shown;
};
const pick = ({ value = "", note = "", reading = "", verdict = "" }) => ({ value, note, reading, verdict });

const clock = (seconds) => `${Math.round(seconds * 10) / 10}`;

// Seconds each part stood in the middle of the screen while somebody could see it.
export const keepTime = () => {
  const spent = {};
  let last = performance.now();
  setInterval(() => {
    const now = performance.now();
    const passed = Math.min((now - last) / 1000, 2);
    last = now;
    if (document.hidden) return;
    const here = document.elementFromPoint(innerWidth / 2, innerHeight / 2)?.closest("[data-time]");
    if (here) spent[here.dataset.time] = Number(clock((spent[here.dataset.time] || 0) + passed));
  }, 1000);
  return spent;
};
