// Repeats a suicha-draw/1 draw in the browser, from docs/draw-protocol.md alone. Nothing is sent anywhere.
"use strict";

const NEEDED = ["draw.json", "pool.jsonl", "rules.json", "officers.jsonl", "picks.jsonl", "visits.jsonl"];
const CHUNK = 4096; // digests asked for at once
const text = new TextEncoder();

class Fault extends Error {}

function must(holds, words) {
  if (!holds) throw new Fault(words);
}

function joined(parts) {
  const bytes = parts.map((part) => (part instanceof Uint8Array ? part : text.encode(String(part))));
  const all = new Uint8Array(bytes.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of bytes) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

async function sha(...parts) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", joined(parts)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const unhex = (hex) => Uint8Array.from(hex.match(/../g) || [], (pair) => parseInt(pair, 16));
const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

function byBytes(a, b) {
  const x = text.encode(a), y = text.encode(b);
  for (let n = 0; n < x.length && n < y.length; n += 1) if (x[n] !== y[n]) return x[n] - y[n];
  return x.length - y.length;
}

const asText = (bytes) => new TextDecoder("utf-8", { fatal: true }).decode(bytes);
const lines = (bytes) => asText(bytes).split("\n").filter(Boolean).map((line) => JSON.parse(line));

// size × percent / 100, rounded up, without a binary fraction in between
function share(size, percent) {
  const [, whole, part = "", power = "0"] = /^(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(String(percent));
  let above = BigInt(whole + part) * BigInt(size), below = 100n;
  const scale = part.length - Number(power);
  if (scale >= 0) below *= 10n ** BigInt(scale);
  else above *= 10n ** BigInt(-scale);
  return Number((above + below - 1n) / below);
}

function take(size, rule) {
  const wanted = Math.max("number" in rule ? rule.number : share(size, rule.ratio), rule.min || 0);
  return Math.min(wanted, "max" in rule ? rule.max : size, "cap" in rule ? share(size, rule.cap) : size, size);
}

async function picksOf(pool, rules, seed, tell) {
  const found = [], sizes = new Map(), strata = new Map();
  for (const entry of pool) sizes.set(entry.stratum, (sizes.get(entry.stratum) || 0) + 1);
  for (const [stratum, size] of sizes) {
    must(stratum in rules.strata, `分层 ${stratum} 没有规则`);
    strata.set(stratum, { many: take(size, rules.strata[stratum]), rows: [] });
  }
  for (let start = 0; start < pool.length; start += CHUNK) {
    const part = pool.slice(start, start + CHUNK);
    const tickets = await Promise.all(part.map((entry) => sha(seed, "object\n", entry.id)));
    part.forEach((entry, n) => strata.get(entry.stratum).rows.push([tickets[n], entry.id, entry.stratum]));
    tell(`正在计算票号 ${Math.min(start + CHUNK, pool.length)} / ${pool.length}`);
  }
  const byTicket = (a, b) => order(a[0], b[0]) || byBytes(a[1], b[1]);
  for (const { many, rows } of strata.values()) found.push(...rows.sort(byTicket).slice(0, many));
  const size = rules.batch_size || Math.max(found.length, 1);
  return found.sort(byTicket).map(([ticket, id, stratum], n) => (
    { id, stratum, ticket, rank: n + 1, batch: Math.floor(n / size) + 1 }
  ));
}

// The steps of "Officers", for one department.
class Matching {
  constructor(officers, visits, labels, rules, seed) {
    Object.assign(this, { officers, visits, labels, seed, many: rules.officers_per_visit, last: rules.window[1] });
    this.load = new Map(officers.map((o) => [o.id, o.load]));
    this.facts = new Map(officers.map((o) => [o.id, o]));
    this.turns = new Map();
    this.memo = new Map();
  }

  turn(id, load) {
    return sha(this.seed, "turn\n", load, "\n", id);
  }

  async note(id) {
    this.turns.set(id, await this.turn(id, this.load.get(id)));
  }

  async begin() {
    const first = new Map();
    for (const o of this.officers) first.set(o.id, await this.turn(o.id, 0));
    this.officers.sort((a, b) => order(first.get(a.id), first.get(b.id)) || byBytes(a.id, b.id));
    this.place = new Map(this.officers.map((o, n) => [o.id, n]));
    for (const o of this.officers) await this.note(o.id);
  }

  may(o, day, district) {
    return !o.gate && o.valid_from <= day && this.last <= o.valid_to
      && (!o.territory || !district || o.territory === district)
      && !o.absent.some(([first, last]) => first <= day && day <= last);
  }

  able(visit) {
    const key = `${visit.planned} ${visit.district}`;
    if (!this.memo.has(key)) {
      this.memo.set(key, this.officers.filter((o) => this.may(o, visit.planned, visit.district)).map((o) => o.id));
    }
    return this.memo.get(key).filter((id) => !this.facts.get(id).recused.includes(visit.id));
  }

  holds(id) {
    return this.labels.every((label) => this.facts.get(id).labels.includes(label));
  }

  async choose(visit, able, many) {
    const before = (a, b) => this.load.get(a) - this.load.get(b) || order(this.turns.get(a), this.turns.get(b))
      || this.place.get(a) - this.place.get(b);
    const listed = [...able].sort(before).slice(0, 4 * many);
    const tickets = new Map();
    for (const id of listed) tickets.set(id, await sha(this.seed, "officer\n", visit.id, "\n", id));
    const chosen = listed.sort((a, b) => this.load.get(a) - this.load.get(b) || order(tickets.get(a), tickets.get(b)))
      .slice(0, many);
    for (const id of chosen) {
      this.load.set(id, this.load.get(id) + 1);
      await this.note(id);
    }
    return chosen;
  }

  async teams(tell) {
    await this.begin();
    const teams = [];
    for (const visit of this.visits) {
      const able = this.able(visit);
      const team = this.labels.length ? await this.choose(visit, able.filter((id) => this.holds(id)), 1) : [];
      team.push(...await this.choose(visit, able.filter((id) => !team.includes(id)), this.many - team.length));
      must(team.length === this.many, `${visit.id} 按规则选派不出人员`);
      teams.push(team);
      if (teams.length % 200 === 0) tell(`正在选派 ${teams.length} / ${this.visits.length}`);
    }
    this.level(teams);
    return teams;
  }

  level(teams) {
    const held = new Map(this.officers.map((o) => [o.id, new Set()])), settled = new Set();
    teams.forEach((team, n) => team.forEach((id) => held.get(id).add(n)));
    for (;;) {
      let source = null;
      for (const { id } of this.officers) {
        if (held.get(id).size && !settled.has(id) && (source === null || this.load.get(id) > this.load.get(source))) source = id;
      }
      if (source === null) return;
      const came = new Map([[source, null]]);
      let end = this.search(source, teams, held, settled, came);
      if (end === null) {
        for (const id of came.keys()) settled.add(id);
        continue;
      }
      this.load.set(source, this.load.get(source) - 1);
      this.load.set(end, this.load.get(end) + 1);
      while (came.get(end)) {
        const [giver, n] = came.get(end);
        teams[n][teams[n].indexOf(giver)] = end;
        held.get(giver).delete(n);
        held.get(end).add(n);
        end = giver;
      }
    }
  }

  search(source, teams, held, settled, came) {
    const queue = [source], goal = this.load.get(source) - 2;
    for (const giver of queue) {
      for (const n of [...held.get(giver)].sort((a, b) => a - b)) {
        const free = teams[n].some((id) => id !== giver && this.holds(id));
        for (const taker of this.able(this.visits[n])) {
          if (came.has(taker) || settled.has(taker) || teams[n].includes(taker) || !(free || this.holds(taker))) continue;
          came.set(taker, [giver, n]);
          if (this.load.get(taker) <= goal) return taker;
          queue.push(taker);
        }
      }
    }
    return null;
  }
}

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

async function checkTeams(files, rules, seed, shown, tell) {
  const visits = lines(files.get("visits.jsonl")), officers = lines(files.get("officers.jsonl"));
  const pairs = shown.flatMap((pick) => rules.departments.map((d) => `${pick.id}\n${d.id}`));
  must(JSON.stringify(visits.map((v) => `${v.id}\n${v.department}`)) === JSON.stringify(pairs), "选派结果与抽取结果不对应");
  for (const part of rules.departments) {
    const [mine, staff] = [visits, officers].map((rows) => rows.filter((row) => row.department === part.id));
    const teams = await new Matching(staff, mine, part.labels, rules, seed).teams(tell);
    mine.forEach((visit, n) => {
      must(JSON.stringify(visit.officers) === JSON.stringify(teams[n]), `${visit.id} 的执法人员（${part.id}）应为 ${teams[n].join("、")}`);
    });
  }
  return visits.length;
}

async function checkChanges(files, seed, pool, shown) {
  const strata = new Map(), taken = new Set(shown.map((pick) => pick.id));
  for (const entry of pool) strata.set(entry.stratum, [...(strata.get(entry.stratum) || []), entry.id]);
  for (const [n, change] of lines(files.get("changes.jsonl") || new Uint8Array()).entries()) {
    const wrong = `锁定后的第 ${n + 1} 次变动不成立`;
    const rest = change.kind === "OFFICER" ? change.choices
      : (strata.get(change.stratum) || []).filter((id) => !taken.has(id)).map((id) => [id, 0]);
    const start = change.kind === "OFFICER" ? ["officer\n", change.object, "\n"] : ["object\n"];
    const rows = await Promise.all(rest.map(async ([id, load]) => [load, await sha(seed, ...start, id), id]));
    rows.sort((a, b) => a[0] - b[0] || order(a[1], b[1]));
    must(rows.length && rows[0][2] === change.in && change.number === n + 1, wrong);
    taken.add(change.in);
  }
  return lines(files.get("changes.jsonl") || new Uint8Array()).length;
}

async function verify(files, tell, done) {
  const missing = NEEDED.filter((name) => !files.has(name));
  must(!missing.length, `缺少文件 ${missing.join("、")}`);
  const head = JSON.parse(asText(files.get("draw.json"))), rules = JSON.parse(asText(files.get("rules.json")));
  await checkCommitment(files, head, rules);
  done("名单、规则、执法人员名录、秘密与抽取前公布的指纹一致");
  await checkSeed(head);
  done(head.values.length ? `种子由秘密和公开随机值 ${head.public_value} 得出，两位见证人确认` : "种子只由封存的秘密得出，没有公开来源");
  const seed = unhex(head.seed);
  const { pool, shown } = await checkPicks(files, rules, seed, tell);
  done(`${pool.length} 户中抽 ${shown.length} 户，票号都对`);
  const teams = await checkTeams(files, rules, seed, shown, tell);
  done(`${teams} 个队伍都是按规则选派的`);
  for (const name of ["picks", "officers", "visits"]) {
    must(await sha(files.get(`${name}.jsonl`)) === head.transcript[`${name}_jsonl`], `${name}.jsonl 与锁定时的指纹不一致`);
  }
  done("结果与锁定时公布的指纹一致");
  const changes = await checkChanges(files, seed, pool, shown);
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
  for (const name of [...NEEDED, "changes.jsonl"]) {
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
