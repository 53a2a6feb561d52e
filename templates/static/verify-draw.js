// Repeats a suicha-draw/1 draw in the browser by the rules of draw-rules.js. Nothing is sent anywhere.
"use strict";

const NEEDED = ["draw.json", "pool.jsonl", "rules.json", "officers.jsonl", "picks.jsonl", "visits.jsonl"];

async function checkCommitment(files, head, rules) {
  must(head.protocol === "suicha-draw/1", `不认识的协议 ${head.protocol}`);
  for (const [name, wanted, words] of [
    ["pool.jsonl", head.pool_sha256, "名单"], ["rules.json", head.rules_sha256, "规则"],
    ["officers.jsonl", rules.officers_sha256, "执法人员名录"],
  ]) must(await sha(files.get(name)) === wanted, `${words}与抽取前公布的指纹不一致`);
  must(rules.task === head.task, "规则属于另一个任务");
  must(head.secret, "秘密还没有揭示，现在只能核对名单、规则和人员名录的指纹");
  must(await sha(unhex(head.secret)) === head.secret_sha256, "秘密与抽取前公布的指纹不一致");
}

async function checkSeed(head) {
  must(head.values.map((v) => `${v.kind}=${v.value}`).join(";") === head.public_value, "公开随机值与各来源的数值不一致");
  const wanted = head.sources.map((source, n) => [source.kind, n + 1]).filter(([kind]) => kind !== "none").map(([, n]) => n);
  must(JSON.stringify(head.values.map((v) => v.place)) === JSON.stringify(wanted), "公布的来源与取得的数值不对应");
  for (const v of head.values) {
    const people = new Set(v.by);
    must(people.size > 1 && [...people].every((p) => head.witnesses.includes(p)), `第${v.place}个来源没有两位见证人确认`);
    if (v.signature) must(await sha(unhex(v.signature)) === v.value, `第${v.place}个来源的随机数不是由签名得出的`);
  }
  const parts = ["suicha-draw/1", head.task, head.round, head.pool_sha256, head.rules_sha256, head.secret, head.public_value];
  must(await sha(parts.map((part) => `${part}\n`).join("")) === head.seed, "随机种子与公布的值不一致");
}

async function checkPicks(files, rules, seed, tell) {
  const pool = lines(files.get("pool.jsonl")), shown = lines(files.get("picks.jsonl"));
  for (let n = 1; n < pool.length; n += 1) {
    must(byBytes(pool[n - 1].id, pool[n].id) < 0, "名单没有按规定排序，或有重复");
  }
  const wanted = await picksOf(pool, rules, seed, tell);
  wanted.forEach((pick, n) => {
    const seen = shown[n] || {};
    const same = Object.keys(pick).every((key) => pick[key] === seen[key]) && Object.keys(seen).length === 5;
    must(same, `抽取结果第 ${n + 1} 个应为 ${pick.id}`);
  });
  must(shown.length === wanted.length, `抽取结果多出 ${shown.length - wanted.length} 个`);
  return { pool, shown };
}

// Bundles of earlier versions had the officers' days in them; here they become what today's bundles say instead.
function fromDays(officers, visits, rules, ranks) {
  const labels = new Map(rules.departments.map((part) => [part.id, part.labels])), last = rules.window[1];
  return officers.map((o) => {
    const mine = visits.filter((visit) => visit.department === o.department);
    const barred = (v) => v.planned < o.valid_from || o.recused.includes(v.id) || o.absent.some(([a, b]) => a <= v.planned && v.planned <= b);
    ranks.set(o.id, mine.flatMap((visit, n) => (barred(visit) ? [[n + 1, n + 1]] : [])));
    return { ...o, holds: labels.get(o.department).every((label) => o.labels.includes(label)), out: Boolean(o.gate) || o.valid_to < last };
  });
}

async function checkTeams(files, rules, seed, shown, tell) {
  const visits = lines(files.get("visits.jsonl"));
  const ranks = new Map(lines(files.get("barred.jsonl") || new Uint8Array()).map((line) => [line.id, line.ranks]));
  let officers = lines(files.get("officers.jsonl"));
  const pairs = shown.flatMap((pick) => rules.departments.map((d) => `${pick.id}\n${d.id}`));
  must(JSON.stringify(visits.map((v) => `${v.id}\n${v.department}`)) === JSON.stringify(pairs), "选派结果与抽取结果不对应");
  if (!files.has("barred.jsonl")) officers = fromDays(officers, visits, rules, ranks);
  for (const part of rules.departments) {
    const [mine, staff] = [visits, officers].map((rows) => rows.filter((row) => row.department === part.id));
    const teams = await new Matching(staff, mine, part.labels.length > 0, rules.officers_per_visit, seed, ranks).teams(tell);
    mine.forEach((visit, n) => {
      must(JSON.stringify(visit.officers) === JSON.stringify(teams[n]), `${visit.id} 的执法人员（${part.id}）应为 ${teams[n].join("、")}`);
    });
  }
  return visits;
}

const smallest = async (rows, ticketOf) => {
  const found = await Promise.all(rows.map(async ([id, load]) => [load, await ticketOf(id), id]));
  return (found.sort((a, b) => a[0] - b[0] || order(a[1], b[1]))[0] || [])[2];
};

// What the list looks like while one change after the other is read.
class Changes {
  constructor(rules, seed, pool, shown, visits) {
    Object.assign(this, { rules, seed, strata: new Map(), taken: new Set(shown.map((pick) => pick.id)), teams: new Map(), ever: new Map() });
    for (const entry of pool) {
      if (!this.strata.has(entry.stratum)) this.strata.set(entry.stratum, []);
      this.strata.get(entry.stratum).push(entry.id);
    }
    this.drawn = new Set(this.taken);
    for (const visit of visits) this.send(visit.id, visit);
  }

  send(id, { department, officers }) {
    this.teams.set(`${id}\n${department}`, new Set(officers));
    this.ever.set(`${id}\n${department}`, new Set(officers));
  }

  async officer(change) {
    const place = `${change.object}\n${change.department}`, team = this.teams.get(place), ids = change.choices.map(([id]) => id);
    if (!this.drawn.has(change.object) || ids.includes(change.out)) return false;
    if (team) { // lines of earlier versions did not say who goes to an added visit
      if (!team.has(change.out) || ids.some((id) => this.ever.get(place).has(id))) return false;
      team.delete(change.out);
      team.add(change.in);
      this.ever.get(place).add(change.in);
    }
    return await smallest(change.choices, (id) => sha(this.seed, "officer\n", change.object, "\n", id)) === change.in;
  }

  async object(change) {
    const rest = (this.strata.get(change.stratum) || []).filter((id) => !this.taken.has(id)).map((id) => [id, 0]);
    if (!rest.length || await smallest(rest, (id) => sha(this.seed, "object\n", id)) !== change.in) return false;
    if (change.kind === "OBJECT" && !this.drawn.delete(change.out)) return false;
    this.taken.add(change.in);
    this.drawn.add(change.in);
    return !change.teams || this.sent(change);
  }

  async sent(change) {
    const { departments, officers_per_visit: many } = this.rules;
    if (JSON.stringify(change.teams.map((team) => team.department)) !== JSON.stringify(departments.map((d) => d.id))) return false;
    for (const [n, team] of change.teams.entries()) {
      const staff = team.choices.map(([id, load, holds]) => ({ id, load, holds, out: false, territory: "" }));
      const visit = { id: change.in, district: "" };
      const [wanted] = await new Matching(staff, [visit], departments[n].labels.length > 0, many, this.seed, new Map()).teams(() => {});
      if (JSON.stringify(wanted) !== JSON.stringify(team.officers)) return false;
      this.send(change.in, team);
    }
    return true;
  }
}

async function checkChanges(files, rules, seed, pool, shown, visits) {
  const changes = lines(files.get("changes.jsonl") || new Uint8Array()), list = new Changes(rules, seed, pool, shown, visits);
  for (const [n, change] of changes.entries()) {
    const holds = change.number === n + 1 && await (change.kind === "OFFICER" ? list.officer(change) : list.object(change));
    must(holds, `锁定后的第 ${n + 1} 次变动不成立`);
  }
  return changes.length;
}

async function verify(files, tell, done) {
  const missing = NEEDED.filter((name) => !files.has(name));
  must(!missing.length, `缺少文件 ${missing.join("、")}`);
  const head = JSON.parse(asText(files.get("draw.json"))), rules = JSON.parse(asText(files.get("rules.json")));
  must(!("barred_jsonl" in head.transcript) || files.has("barred.jsonl"), "缺少文件 barred.jsonl");
  await checkCommitment(files, head, rules);
  done("名单、规则、执法人员名录、秘密与抽取前公布的指纹一致");
  await checkSeed(head);
  done(head.values.length ? `种子由秘密和公开随机值 ${head.public_value} 得出，两位见证人确认` : "种子只由封存的秘密得出，没有公开来源");
  if (head.values.some((v) => v.kind === "drand")) done("drand 的随机数由签名得出（附有签名时）；签名本身请用 suicha verify 核对");
  const seed = unhex(head.seed);
  const { pool, shown } = await checkPicks(files, rules, seed, tell);
  done(`${pool.length} 户中抽 ${shown.length} 户，票号都对`);
  const visits = await checkTeams(files, rules, seed, shown, tell);
  done(`${visits.length} 个队伍都是按规则选派的`);
  for (const name of ["picks", "officers", "visits", "barred"].filter((one) => files.has(`${one}.jsonl`))) {
    must(await sha(files.get(`${name}.jsonl`)) === head.transcript[`${name}_jsonl`], `${name}.jsonl 与锁定时的指纹不一致`);
  }
  done("结果与锁定时公布的指纹一致");
  const changes = await checkChanges(files, rules, seed, pool, shown, visits);
  if (changes) done(`锁定之后的 ${changes} 次变动都按票号依次替换`);
  return `${head.name || head.task} 第 ${head.round} 轮`;
}

const page = {
  steps: document.getElementById("steps"), verdict: document.getElementById("verdict"),
  progress: document.getElementById("progress"), picker: document.getElementById("files"), drop: document.getElementById("drop"),
};

function step(words, className) {
  const item = document.createElement("li");
  item.className = className;
  item.textContent = words;
  page.steps.append(item);
}

function conclude(holds, words) {
  page.progress.textContent = "";
  page.verdict.className = holds ? "banner good" : "banner bad";
  page.verdict.textContent = words;
  page.verdict.dataset.holds = holds ? "yes" : "no";
}

async function begin(files) {
  page.steps.replaceChildren();
  page.verdict.textContent = "";
  page.verdict.className = "";
  delete page.verdict.dataset.holds;
  if (!window.isSecureContext) return conclude(false, "浏览器只在 https 页面提供核验所需的功能，请用 https 打开本页。");
  try {
    const name = await verify(files, (words) => { page.progress.textContent = words; }, (words) => step(`✓ ${words}`, "ok"));
    conclude(true, `核验通过：${name}的名单、规则、种子、抽取结果和人员选派一致。`);
  } catch (error) {
    const words = error instanceof Fault ? error.message : `文件无法读取：${error.message}`;
    step(`✗ ${words}`, "bad");
    conclude(false, `不成立：${words}`);
  }
  return undefined;
}

async function beginWith(list) {
  const files = new Map();
  for (const file of list) files.set(file.name, new Uint8Array(await file.arrayBuffer()));
  await begin(files);
}

async function fromThisSite(path) {
  const files = new Map();
  for (const name of [...NEEDED, "barred.jsonl", "changes.jsonl"]) {
    const answer = await fetch(`${path}/${name}`);
    if (answer.ok) files.set(name, new Uint8Array(await answer.arrayBuffer()));
  }
  await begin(files);
}

page.picker.addEventListener("change", () => beginWith(page.picker.files));
for (const kind of ["dragover", "drop"]) {
  page.drop.addEventListener(kind, (event) => {
    event.preventDefault();
    if (kind === "drop") beginWith(event.dataTransfer.files);
  });
}
const from = new URLSearchParams(location.search).get("from") || "";
if (/^\/public\/draws\/[^/]+\/\d+$/.test(from)) fromThisSite(from);
