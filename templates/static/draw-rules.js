// The rules of suicha-draw/1 in the browser, from docs/draw-protocol.md alone: tickets, picks, teams.
"use strict";

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
  // ranks: officer -> [[first, last], ...] of the visits that are barred
  constructor(officers, visits, labelled, many, seed, ranks) {
    Object.assign(this, { officers: [...officers], visits, labelled, seed, many, ranks });
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

  // n counts from 0, ranks from 1
  able(n) {
    const { district } = this.visits[n];
    if (!this.memo.has(district)) {
      const fits = (o) => !o.out && (!o.territory || !district || o.territory === district);
      this.memo.set(district, this.officers.filter(fits).map((o) => o.id));
    }
    return this.memo.get(district).filter((id) => !(this.ranks.get(id) || []).some(([first, last]) => first <= n + 1 && n < last));
  }

  holds(id) {
    return this.facts.get(id).holds;
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
    for (const [n, visit] of this.visits.entries()) {
      const able = this.able(n);
      const team = this.labelled ? await this.choose(visit, able.filter((id) => this.holds(id)), 1) : [];
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
        const free = !this.labelled || teams[n].some((id) => id !== giver && this.holds(id));
        for (const taker of this.able(n)) {
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
