"""Repeat a suicha-draw/1 draw from its bundle and name the first thing that does not hold. Standard library only.

    python3 verify_draw.py FOLDER        (rules: draw-protocol.md; exit code 0 when everything holds, 1 when not)
"""

import hashlib
import json
import sys
from decimal import ROUND_CEILING, Decimal
from heapq import nsmallest
from pathlib import Path

def sha(*parts):
    return hashlib.sha256(b"".join(p if isinstance(p, bytes) else str(p).encode() for p in parts)).digest()

def must(holds, fault):
    if not holds:
        raise SystemExit(f"DOES NOT HOLD: {fault}")

def share(size, percent):
    return int((size * Decimal(percent) / 100).to_integral_value(ROUND_CEILING))

def take(size, rule):
    wanted = max(rule["number"] if "number" in rule else share(size, rule["ratio"]), rule.get("min", 0))
    return min(wanted, rule.get("max", size), share(size, rule.get("cap", 100)), size)

def picks_of(pool, rules, seed):
    strata, found = {}, []
    for entry in pool:
        strata.setdefault(entry["stratum"], []).append(entry["id"])
    for stratum, ids in strata.items():
        must(stratum in rules["strata"], f"no rule for stratum {stratum}")
        tickets = ((sha(seed, "object\n", i).hex(), i, stratum) for i in ids)
        found += nsmallest(take(len(ids), rules["strata"][stratum]), tickets)
    size = rules["batch_size"] or max(len(found), 1)
    for n, (ticket, i, stratum) in enumerate(sorted(found)):
        yield {"id": i, "stratum": stratum, "ticket": ticket, "rank": n + 1, "batch": n // size + 1}

class Matching:
    """The steps of "Officers" in the protocol, for one department."""

    def __init__(self, officers, visits, labels, rules, seed):
        self.seed, self.visits, self.labels, self.many = seed, visits, labels, rules["officers_per_visit"]
        self.last, self.load = rules["window"][1], {o["id"]: o["load"] for o in officers}
        self.officers = sorted(officers, key=lambda o: (self.turn(o["id"], 0), o["id"]))
        self.facts, self.memo, self.turns = {o["id"]: o for o in officers}, {}, {}

    def turn(self, officer, load):
        return sha(self.seed, "turn\n", load, "\n", officer)

    def now(self, officer):
        key = (officer, self.load[officer])
        if key not in self.turns:
            self.turns[key] = self.turn(*key)
        return key[1], self.turns[key]

    def may(self, o, day, district):
        there = not o["territory"] or not district or o["territory"] == district
        valid = not o["gate"] and o["valid_from"] <= day and self.last <= o["valid_to"]
        return there and valid and not any(first <= day <= last for first, last in o["absent"])

    def able(self, visit):  # step 1
        key = (visit["planned"], visit["district"])
        if key not in self.memo:
            self.memo[key] = [o["id"] for o in self.officers if self.may(o, *key)]
        return [i for i in self.memo[key] if visit["id"] not in self.facts[i]["recused"]]

    def holds(self, officer):
        return self.labels <= set(self.facts[officer]["labels"])

    def choose(self, visit, able, many):  # steps 2 and 3
        listed = [(self.load[i], sha(self.seed, "officer\n", visit["id"], "\n", i), i)
                  for i in nsmallest(4 * many, able, key=self.now)]
        chosen = [i for _, _, i in sorted(listed)[:many]]
        self.load.update((i, self.load[i] + 1) for i in chosen)
        return chosen

    def teams(self):
        teams = []
        for visit in self.visits:
            able = self.able(visit)
            team = self.choose(visit, [i for i in able if self.holds(i)], 1) if self.labels else []
            team += self.choose(visit, [i for i in able if i not in team], self.many - len(team))
            must(len(team) == self.many, f"{visit['id']}: not enough officers")
            teams.append(team)
        held, settled = {o["id"]: set() for o in self.officers}, set()  # step 4
        for n, team in enumerate(teams):
            for officer in team:
                held[officer].add(n)
        while busy := [i for i in held if held[i] and i not in settled]:
            source = max(busy, key=lambda i: self.load[i])  # of equals the first in order
            chain, reached = self.chain(source, teams, held, settled)
            settled |= reached if not chain else set()
            for giver, n, taker in chain:
                teams[n][teams[n].index(giver)] = taker
                held[giver].remove(n)
                held[taker].add(n)
            if chain:
                self.load[source], self.load[taker] = self.load[source] - 1, self.load[taker] + 1
        return teams

    def chain(self, source, teams, held, settled):
        came, queue = {source: None}, [source]
        for giver in queue:
            for n in sorted(held[giver]):
                free = not self.labels or any(self.holds(i) for i in teams[n] if i != giver)
                for taker in self.able(self.visits[n]):
                    if taker in came or taker in settled or taker in teams[n] or not (free or self.holds(taker)):
                        continue
                    came[taker] = (giver, n)
                    queue.append(taker)
                    if self.load[taker] <= self.load[source] - 2:
                        links = []
                        while came[taker]:
                            links.insert(0, (*came[taker], taker))
                            taker = came[taker][0]
                        return links, set()
        return [], set(came)

def main(folder):
    files = {path.name: path.read_bytes() for path in Path(folder).iterdir() if path.is_file()}
    head, rules = json.loads(files["draw.json"]), json.loads(files["rules.json"])
    for name, wanted in [("pool", head["pool_sha256"]), ("officers", rules["officers_sha256"])] + [
            (name, head["transcript"][f"{name}_jsonl"]) for name in ("picks", "officers", "visits")]:
        must(sha(files[f"{name}.jsonl"]).hex() == wanted, f"fingerprint of {name}.jsonl")
    must(sha(files["rules.json"]).hex() == head["rules_sha256"], "fingerprint of rules.json")
    must(sha(bytes.fromhex(head["secret"])).hex() == head["secret_sha256"], "fingerprint of the secret")
    must(";".join(f"{v['kind']}={v['value']}" for v in head["values"]) == head["public_value"], "public value")
    parts = ("suicha-draw/1", head["task"], head["round"], head["pool_sha256"], head["rules_sha256"],
             head["secret"], head["public_value"])
    seed = sha("".join(f"{part}\n" for part in parts))
    must(seed.hex() == head["seed"], "seed")
    pool, shown, visits, officers = ([json.loads(line) for line in files[f"{name}.jsonl"].splitlines()]
                                     for name in ("pool", "picks", "visits", "officers"))
    ids = [entry["id"].encode() for entry in pool]
    must(ids == sorted(set(ids)), "the pool is not sorted, or an object stands in it twice")
    for seen, wanted in zip([*shown, None], [*picks_of(pool, rules, seed), None]):
        must(seen == wanted, f"pick {seen} should be {wanted}")
    pairs = [(p["id"], d["id"]) for p in shown for d in rules["departments"]]
    must([(v["id"], v["department"]) for v in visits] == pairs, "the visits are not those of the picks")
    for part in rules["departments"]:
        mine, staff = ([x for x in xs if x["department"] == part["id"]] for xs in (visits, officers))
        for visit, team in zip(mine, Matching(staff, mine, set(part["labels"]), rules, seed).teams()):
            must(visit["officers"] == team, f"officers of {visit['id']} should be {team}")
    print(f"HOLDS: {len(shown)} of {len(pool)} objects, {len(visits)} teams")

if __name__ == "__main__":
    main(sys.argv[1])
