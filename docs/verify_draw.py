"""Repeat a suicha-draw/1 draw from its bundle (draw-protocol.md) and name the first thing that does not hold.
python3 verify_draw.py FOLDER    Needs Python's standard library alone; exit code 0 when everything holds, else 1."""

import hashlib
import json
import sys
from fractions import Fraction
from functools import cache
from heapq import nsmallest
from math import ceil
from pathlib import Path

def sha(*parts):
    return hashlib.sha256(b"".join(p if isinstance(p, bytes) else str(p).encode() for p in parts)).digest()

def must(holds, fault):
    if not holds:
        raise SystemExit(f"DOES NOT HOLD: {fault}")

def take(size, rule):
    wanted = max(rule["number"] if "number" in rule else ceil(size * Fraction(rule["ratio"]) / 100), rule.get("min", 0))
    return min(wanted, rule.get("max", size), ceil(size * Fraction(rule.get("cap", 100)) / 100), size)

def picks_of(strata, rules, seed):
    found = []
    for stratum, ids in strata.items():
        must(stratum in rules["strata"], f"no rule for stratum {stratum}")
        tickets = ((sha(seed, "object\n", i).hex(), i, stratum) for i in ids)
        found += nsmallest(take(len(ids), rules["strata"][stratum]), tickets)
    size = rules["batch_size"] or max(len(found), 1)
    return [{"id": i, "stratum": stratum, "ticket": ticket, "rank": n + 1, "batch": n // size + 1}
            for n, (ticket, i, stratum) in enumerate(sorted(found))]

class Matching:
    """The steps of "Officers" in the protocol, for one department. ranks: officer -> [[first, last], ...] barred"""
    def __init__(self, officers, visits, labelled, many, seed, ranks):
        self.seed, self.visits, self.labelled, self.many, self.ranks = seed, visits, labelled, many, ranks
        self.turn = cache(lambda i, load: sha(seed, "turn\n", load, "\n", i))
        self.officers = sorted(officers, key=lambda o: (self.turn(o["id"], 0), o["id"]))
        self.load, self.holds = ({o["id"]: o[key] for o in officers} for key in ("load", "holds"))
        self.fits = cache(lambda place: [o["id"] for o in self.officers if not o["out"] and (
            not o["territory"] or not place or o["territory"] == place)])

    def able(self, n):  # step 1; n counts from 0, ranks from 1
        return [i for i in self.fits(self.visits[n]["district"])
                if not any(first <= n + 1 <= last for first, last in self.ranks.get(i, []))]

    def choose(self, visit, able, many):  # steps 2 and 3
        listed = [(self.load[i], sha(self.seed, "officer\n", visit["id"], "\n", i), i)
                  for i in nsmallest(4 * many, able, key=lambda i: (self.load[i], self.turn(i, self.load[i])))]
        chosen = [i for _, _, i in sorted(listed)[:many]]
        self.load.update((i, self.load[i] + 1) for i in chosen)
        return chosen

    def teams(self):
        teams, held, settled = [], {o["id"]: set() for o in self.officers}, set()
        for n, visit in enumerate(self.visits):
            able = self.able(n)
            team = self.choose(visit, [i for i in able if self.holds[i]], 1) if self.labelled else []
            team += self.choose(visit, [i for i in able if i not in team], self.many - len(team))
            must(len(team) == self.many, f"{visit['id']}: not enough officers")
            teams.append(team)
        for n, officer in ((n, officer) for n, team in enumerate(teams) for officer in team):
            held[officer].add(n)
        while busy := [i for i in held if held[i] and i not in settled]:  # step 4; of equals the first in order
            settled |= self.hand_over(max(busy, key=lambda i: self.load[i]), teams, held, settled)
        return teams

    def hand_over(self, source, teams, held, settled):
        came, queue = {source: None}, [source]
        for giver in queue:
            for n in sorted(held[giver]):
                free = not self.labelled or any(self.holds[i] for i in teams[n] if i != giver)
                for taker in self.able(n):
                    if any(taker in some for some in (came, settled, teams[n])) or not (free or self.holds[taker]):
                        continue
                    came[taker] = (giver, n)
                    queue.append(taker)
                    if self.load[taker] <= self.load[source] - 2:
                        self.load[source], self.load[taker] = self.load[source] - 1, self.load[taker] + 1
                        while came[taker]:
                            giver, n = came[taker]
                            teams[n][teams[n].index(giver)] = taker
                            held[giver].remove(n)
                            held[taker].add(n)
                            taker = giver
                        return set()
        return set(came)

def check_changes(changes, strata, taken, rules, seed, teams):
    gone, ever, many = set(), {place: set(team) for place, team in teams.items()}, rules["officers_per_visit"]
    for number, c in enumerate(changes, 1):
        fault = f"change {number} after the lock"
        must(c["number"] == number and gone.isdisjoint([c.get("out"), c.get("object")]), fault)
        if c["kind"] == "OFFICER":
            place, loads = (c["object"], c["department"]), dict(c["choices"])
            must(c["out"] in teams[place] and not ever[place] & loads.keys(), fault)
            must(c["in"] == min(loads, key=lambda i: (loads[i], sha(seed, "officer\n", place[0], "\n", i))), fault)
            teams[place] = teams[place] - {c["out"]} | {c["in"]}
            ever[place].add(c["in"])
            continue
        follows = min((i for i in strata[c["stratum"]] if i not in taken), key=lambda i: (sha(seed, "object\n", i), i))
        must(c["in"] == follows and (c["kind"] == "MORE" or c["out"] in taken), fault)
        gone |= {c["out"]} if c["kind"] == "OBJECT" else set()
        taken.add(c["in"])
        for part, team in zip(rules["departments"], c["teams"], strict=True):
            staff = [dict(zip(("id", "load", "holds"), row), out=False, territory="") for row in team["choices"]]
            drawn = Matching(staff, [{"id": c["in"], "district": ""}], part["labels"], many, seed, {}).teams()
            must([team["department"], team["officers"]] == [part["id"], *drawn], fault)
            teams[c["in"], part["id"]], ever[c["in"], part["id"]] = {*team["officers"]}, {*team["officers"]}

def main(folder):
    files = {path.name: path.read_bytes() for path in Path(folder).iterdir() if path.is_file()}
    head, rules = json.loads(files["draw.json"]), json.loads(files["rules.json"])
    prints = {"pool.jsonl": head["pool_sha256"], "rules.json": head["rules_sha256"]} | {
        f"{name}.jsonl": head["transcript"][f"{name}_jsonl"] for name in ("picks", "officers", "visits", "barred")}
    for name, wanted in [*prints.items(), ("officers.jsonl", rules["officers_sha256"])]:
        must(sha(files[name]).hex() == wanted, f"fingerprint of {name}")
    must(sha(bytes.fromhex(head["secret"])).hex() == head["secret_sha256"], "fingerprint of the secret")
    must(";".join(f"{v['kind']}={v['value']}" for v in head["values"]) == head["public_value"], "public value")
    asked = [n for n, source in enumerate(head["sources"], 1) if source["kind"] != "none"]
    must([v["place"] for v in head["values"]] == asked, "the values are not those of the sources")
    must(all(len({*v["by"]} & {*head["witnesses"]}) > 1 for v in head["values"]), "not confirmed by two witnesses")
    parts = [head[key] for key in ("task", "round", "pool_sha256", "rules_sha256", "secret", "public_value")]
    seed = sha("".join(f"{part}\n" for part in ("suicha-draw/1", *parts)))
    must(seed.hex() == head["seed"], "seed")
    pool, shown, visits, officers, barred, changes = (
        [json.loads(line) for line in files.get(f"{name}.jsonl", b"").splitlines()]
        for name in ("pool", "picks", "visits", "officers", "barred", "changes"))
    ids, strata = [entry["id"].encode() for entry in pool], {}
    must(ids == sorted(set(ids)), "the pool is not sorted, or an object stands in it twice")
    for entry in pool:
        strata.setdefault(entry["stratum"], []).append(entry["id"])
    for seen, wanted in zip([*shown, None], [*picks_of(strata, rules, seed), None]):
        must(seen == wanted, f"pick {seen} should be {wanted}")
    pairs = [(p["id"], d["id"]) for p in shown for d in rules["departments"]]
    must([(v["id"], v["department"]) for v in visits] == pairs, "the visits are not those of the picks")
    ranks, many = {line["id"]: line["ranks"] for line in barred}, rules["officers_per_visit"]
    for part in rules["departments"]:
        mine, staff = ([x for x in xs if x["department"] == part["id"]] for xs in (visits, officers))
        for visit, team in zip(mine, Matching(staff, mine, part["labels"], many, seed, ranks).teams()):
            must(visit["officers"] == team, f"officers of {visit['id']} should be {team}")
    teams = {(v["id"], v["department"]): {*v["officers"]} for v in visits}
    check_changes(changes, strata, {p["id"] for p in shown}, rules, seed, teams)
    print(f"HOLDS: {len(shown)} of {len(pool)} objects, {len(visits)} teams, {len(changes)} changes after the lock")

if __name__ == "__main__":
    sys.excepthook = lambda _, error, __: print(f"DOES NOT HOLD: cannot be read: {error!r}", file=sys.stderr)
    main(sys.argv[1])
