"""Bugs to seed: one small change each, and the class of bugs that it stands for.

The classes are those that published breakers, queues and sync tools had; the old
text occurs exactly once in its file, else the list is stale.
"""

from dataclasses import dataclass

ENGINE = "custom_components/plexsync/engine"
TESTS = "tests/engine"


@dataclass(frozen=True, slots=True)
class Bug:
    """One bug: in which file, what stands there, what to put in its place."""

    path: str
    kind: str
    name: str
    old: str
    new: str
    tests: tuple[str, ...]  # that have to catch it
    quick: bool = False


def _bug(
    part: str,
    kind: str,
    name: str,
    old: str,
    new: str,
    *,
    tests: str = "",
    quick: bool = False,
) -> Bug:
    """Make a bug of a part that has a state machine, unless another test is named."""
    chosen = tests or f"test_{part}_machine.py"
    return Bug(
        f"{ENGINE}/{part}.py", kind, name, old, new, (f"{TESTS}/{chosen}",), quick
    )


_BREAKER = [
    _bug(
        "breaker",
        "half-open stuck",
        "the lease of a hung trial never ends",
        "if now >= p.deadline]:",
        "if now >= p.deadline and not p.trial]:",
        quick=True,
    ),
    _bug(
        "breaker",
        "permit lost",
        "a neutral result does not give its permit back",
        "if self._permits.pop(permit.id, None) is None:",
        "if result is Result.NEUTRAL or self._permits.pop(permit.id, None) is None:",
    ),
    _bug(
        "breaker",
        "cancelled trial keeps the slot",
        "only a trial that says something frees the permit",
        "        if self._permits.pop(permit.id, None) is None:\n            return\n",
        "        if permit.trial and result is Result.NEUTRAL:\n            return\n"
        "        if self._permits.pop(permit.id, None) is None:\n            return\n",
    ),
    _bug(
        "breaker",
        "cancelled trial counts",
        "a cancelled trial is a success",
        "        if permit.generation != self.generation or result is Result.NEUTRAL:\n"
        "            return\n        if result is Result.SUCCESS:",
        "        if permit.generation != self.generation:\n"
        "            return\n        if result in (Result.SUCCESS, Result.NEUTRAL):",
        quick=True,
    ),
    _bug(
        "breaker",
        "late result of an earlier era",
        "what began before the circuit opened still counts",
        "        if self._permits.pop(permit.id, None) is None:\n            return\n"
        "        if permit.generation != self.generation or result is Result.NEUTRAL:",
        "        known = self._permits.pop(permit.id, None)\n"
        "        if known is None and permit.generation == self.generation:\n"
        "            return\n        if result is Result.NEUTRAL:",
    ),
    _bug(
        "breaker",
        "settled twice",
        "the same permit counts each time",
        "        if self._permits.pop(permit.id, None) is None:\n            return\n",
        "        self._permits.pop(permit.id, None)\n",
    ),
    _bug(
        "breaker",
        "late failure extends the open time",
        "a failure that comes in while open puts the probe off",
        "        if self._permits.pop(permit.id, None) is None:\n            return\n",
        "        if self.state is State.OPEN and result is Result.FAILURE:\n"
        "            self.next_probe = now + self._wait\n"
        "        if self._permits.pop(permit.id, None) is None:\n            return\n",
    ),
    _bug(
        "breaker",
        "half-open lets the flood in",
        "any number of trials at a time",
        "if self.state is State.HALF_OPEN and self._permits:",
        "if self.state is State.HALF_OPEN and len(self._permits) > 49:",
    ),
    _bug(
        "breaker",
        "success threshold",
        "one success closes",
        "if self.successes >= self.policy.successes:\n                self._move",
        "if self.successes >= 1:\n                self._move",
    ),
    _bug(
        "breaker",
        "restart forgets",
        "it starts closed whatever was saved",
        "self.state, self.generation = state, generation",
        "self.state, self.generation = State.CLOSED, generation",
    ),
    _bug(
        "breaker",
        "restart forgets",
        "the backoff starts again from its first step",
        "self.failures, self.successes, self.step = failures, successes, step",
        "self.failures, self.successes, self.step = failures, successes, 0",
    ),
    _bug(
        "breaker",
        "restart forgets",
        "generations start again",
        "self.state, self.generation = state, generation",
        "self.state, self.generation = state, 0",
    ),
    _bug(
        "breaker",
        "start-up extends the open time",
        "the whole wait begins anew at each start",
        "next_probe = now + min(max(0.0, at - wall), whole)",
        "next_probe = now + whole",
    ),
    _bug(
        "breaker",
        "wall-clock jump pins it open",
        "what is left of the wait is taken from the wall clock as it is",
        "next_probe = now + min(max(0.0, at - wall), whole)",
        "next_probe = now + max(0.0, at - wall)",
    ),
    _bug(
        "breaker",
        "closes without trials",
        "a probe alone closes",
        "self._move(State.HALF_OPEN)",
        "self._move(State.CLOSED)",
    ),
    _bug(
        "breaker",
        "no verify before the first job",
        "a start takes the server for well",
        "        self.verified = False\n        self._probe = None",
        "        self.verified = True\n        self._probe = None",
    ),
    _bug(
        "breaker",
        "no verify before the first job",
        "closing by hand takes the server for well",
        "        self._move(State.CLOSED)\n        self.verified = False",
        "        self._move(State.CLOSED)",
    ),
    _bug(
        "breaker",
        "no verify before the first job",
        "successes of before a restart close without a probe",
        "            and self.verified\n            and self.successes",
        "            and self.successes",
    ),
    _bug(
        "breaker",
        "growing delay lost",
        "each reopening waits as long as the first",
        "self.step = min(step + 1, 60) if grow else step",
        "self.step = step",
    ),
    _bug(
        "breaker",
        "cap missing",
        "the delay doubles for ever",
        "delay = min(policy.cap, policy.first_delay * 2.0**self.step)",
        "delay = policy.first_delay * 2.0**self.step",
    ),
    _bug(
        "breaker",
        "cap missing",
        "the server may ask for any wait",
        "asked = min(retry_after, policy.retry_after_cap)",
        "asked = retry_after",
    ),
    _bug(
        "breaker",
        "dead permit restored",
        "the trial of before a restart still holds the slot",
        "        self._probe = None\n        self._permits.clear()\n\n\n",
        "        self._probe = None\n        self._permits.clear()\n"
        "        if state is State.HALF_OPEN:\n"
        "            self._permits[0] = Permit(\n"
        "                0, generation, True, now + self.policy.lease\n"
        "            )\n\n\n",
    ),
    _bug(
        "breaker",
        "late probe of an earlier era",
        "a probe that a transition overtook still moves the circuit",
        "        if token != self.generation:\n            return",
        "        if token > self.generation:\n            return",
    ),
    _bug(
        "breaker",
        "streak never ends",
        "failures add up however many successes lie between",
        "        self.failures = 0\n        if permit.trial:",
        "        if permit.trial:",
    ),
]

_QUEUE = [
    _bug(
        "queue",
        "ack removes a newer revision",
        "settling takes out whatever waits by then",
        '"DELETE FROM job WHERE id = ? AND rev = ? RETURNING fields, revision"',
        '"DELETE FROM job WHERE id = ? AND rev >= ? RETURNING fields, revision"',
        quick=True,
    ),
    _bug(
        "queue",
        "ack removes a newer revision",
        "a record that arrives in flight does not count as news",
        '"UPDATE job SET rev = rev + 1, due = ?,',
        '"UPDATE job SET due = ?,',
    ),
    _bug(
        "queue",
        "bad end hits a newer revision",
        "what came in meanwhile fails with the job in flight",
        '" attempts = attempts + 1, passing = :passing WHERE id = :id AND rev = :rev"',
        '" attempts = attempts + 1, passing = :passing WHERE id = :id AND rev >= :rev"',
    ),
    _bug(
        "queue",
        "absent field supersedes",
        "the newer record replaces the waiting one as a whole",
        "    merged = dict(waiting)\n",
        "    merged: Packed = {}\n",
        quick=True,
    ),
    _bug(
        "queue",
        "clear is lost",
        "an emptied field counts as absent",
        "        for name, value in record.fields.items()\n    }\n    return packed",
        "        for name, value in record.fields.items()\n"
        "        if value is not None\n    }\n    return packed",
    ),
    _bug(
        "queue",
        "older revision wins",
        "whatever arrives last counts, over what waits",
        "        if not _older(revision, known):\n",
        "        if name:\n",
    ),
    _bug(
        "queue",
        "older revision wins",
        "whatever arrives last counts, over what was written",
        "        if not _older(record.revision, written.get(name))\n",
        "        if name\n",
    ),
    _bug(
        "queue",
        "older revision wins",
        "a record without a revision lets older ones in again",
        "merged[name] = [_newest(revision, known), value]",
        "merged[name] = [revision, value]",
    ),
    _bug(
        "queue",
        "retry drops the count",
        "each wait counts as the first attempt",
        '" attempts = attempts + ?, misses = misses + ?, crashes = 0,"',
        '" attempts = ?, misses = misses + ?, crashes = 0,"',
    ),
    _bug(
        "queue",
        "release uses an attempt",
        "an outage uses up attempts",
        '"UPDATE job SET leased = NULL, crashes = 0 WHERE id = ?",\n        [(job.id,)',
        '"UPDATE job SET leased = NULL, attempts = attempts + 1 WHERE id = ?",\n'
        "        [(job.id,)",
    ),
    _bug(
        "failed",
        "failed job lost at its retry",
        "it is taken out before it is put in again",
        '"UPDATE job SET failed = 0, enqueued = ?, due = ?, reason = NULL,"',
        '"UPDATE job SET failed = 0, leased = rev, enqueued = ?, due = ?, reason = NULL,"',
        tests="test_queue_machine.py",
    ),
    _bug(
        "failed",
        "failed job made anew for ever",
        "after each outage, whatever comes of it",
        "values.append(MAX_OUTAGE_RETRIES)",
        "values.append(MAX_OUTAGE_RETRIES + 1)",
        tests="test_queue_machine.py",
    ),
    _bug(
        "failed",
        "poison job loops",
        "an outage gives it a whole new start",
        "(MAX_CRASHES - 1) * choice.passing,",
        "0,",
        tests="test_queue_machine.py",
    ),
    _bug(
        "queue",
        "failed job not superseded",
        "a newer record does not revive it",
        "rev = rev + 1, due = ?, failed = 0, reason = NULL,",
        "rev = rev + 1, due = ?, reason = NULL,",
    ),
    _bug(
        "queue",
        "failed job made anew for ever",
        "an equal record revives it",
        "    if not same:\n",
        "    if record:\n",
    ),
    _bug(
        "queue",
        "older revision wins",
        "a failed job's fresh record is not held against what was written",
        "    waiting, written = json.loads(row[0]), _revisions(db, record)\n",
        "    waiting, written = json.loads(row[0]), {}\n",
    ),
    _bug(
        "queue",
        "older revision wins",
        "a failed job's fresh record makes its fields forget their revisions",
        "    packed = _merge(waiting, record, written)\n",
        "    packed = _pack(_drop_older(record, written))\n",
    ),
    _bug(
        "queue",
        "whole view not taken as one",
        "what a mirror's newer record lacks is written all the same",
        "    if not record.mirror:\n        return merged\n",
        "    if record:\n        return merged\n",
    ),
    _bug(
        "queue",
        "whole view not taken as one",
        "an older record of a mirror takes out what a newer one wants",
        "    return record.mirror and _older(\n",
        "    return not record and _older(\n",
    ),
    _bug(
        "queue",
        "bulk starved",
        "no place is kept for it where there is one at a time",
        "(before + limit) // 4 - before // 4",
        "limit // 4",
    ),
    _bug(
        "queue",
        "bulk starved",
        "no place is kept for it",
        "(Priority.BULK, (before + limit) // 4 - before // 4),",
        "(Priority.BULK, 0),",
        quick=True,
    ),
    _bug(
        "queue",
        "priority ignored",
        "bulk work goes first",
        "        (Priority.INTERACTIVE, limit),\n        (Priority.BULK, limit),\n",
        "        (Priority.BULK, limit),\n        (Priority.INTERACTIVE, limit),\n",
    ),
    _bug(
        "queue",
        "recover loses the lease",
        "what was in flight stays in flight for ever",
        '"UPDATE job SET leased = NULL, crashes = crashes + 1 WHERE leased IS NOT NULL"',
        '"UPDATE job SET crashes = crashes + 1 WHERE leased IS NOT NULL"',
    ),
    _bug(
        "queue",
        "recover loses the lease",
        "what was in flight is taken for done",
        '"UPDATE job SET leased = NULL, crashes = crashes + 1 WHERE leased IS NOT NULL"',
        '"DELETE FROM job WHERE leased IS NOT NULL"',
    ),
    _bug(
        "queue",
        "poison job loops",
        "what brings the process down is tried once more",
        '" WHERE failed = 0 AND crashes >= :most"',
        '" WHERE failed = 0 AND crashes > :most"',
    ),
    _bug(
        "queue",
        "poison job takes others along",
        "suspects are tried together",
        "jobs = calm or suspects[:1]",
        "jobs = calm or suspects",
    ),
    _bug(
        "queue",
        "not-due job claimed",
        "a minute too early",
        '" AND priority = ? AND due <= ? ORDER BY due, id LIMIT ?"',
        '" AND priority = ? AND due - 60 <= ? ORDER BY due, id LIMIT ?"',
    ),
    _bug(
        "queue",
        "a wait that a clock pinned",
        "a due time in the far future stays",
        'db.execute("UPDATE job SET due = ? WHERE due > ?", (now, now + longest))',
        "pass",
    ),
    _bug(
        "queue",
        "numbers used again",
        "who holds a job that is gone takes another one out",
        "id INTEGER PRIMARY KEY AUTOINCREMENT,",
        "id INTEGER PRIMARY KEY,",
    ),
    _bug(
        "queue",
        "already synced",
        "what a cut write changed is taken for done",
        "UPDATE settled SET fingerprint = '', plain = '' WHERE",
        "UPDATE settled SET fingerprint = '' WHERE",
    ),
    _bug(
        "queue",
        "already synced",
        "a revision that says the same lets older ones in",
        "    if known != revisions:\n",
        "    if not known:\n",
    ),
]

_RAMP = [
    _bug(
        "ramp",
        "failure raises the rate",
        "below the floor it goes up",
        "self.rate = min(self.rate, max(FLOOR, self.rate / 2))",
        "self.rate = max(FLOOR, self.rate / 2)",
    ),
    _bug(
        "ramp",
        "failure does not halve",
        "trouble changes nothing",
        "self.rate = min(self.rate, max(FLOOR, self.rate / 2))",
        "self.rate = min(self.rate, max(FLOOR, self.rate))",
        quick=True,
    ),
    _bug(
        "ramp",
        "doubles too early",
        "a failure does not hold the rate",
        "            self._stepped = now\n\n    def worked",
        "\n    def worked",
    ),
    _bug(
        "ramp",
        "doubles too early",
        "a step is a second short",
        "now - self._stepped >= self.step:",
        "now - self._stepped >= self.step - 1:",
    ),
    _bug(
        "ramp",
        "no floor",
        "a slow server's ramp begins at next to nothing",
        "max(FLOOR, SHARE * self.healthy)",
        "SHARE * self.healthy",
    ),
    _bug(
        "ramp",
        "restored full",
        "a restart ends the ramp",
        'self.rate = _rate(data.get("rate")) or self.rate',
        "self.rate = None",
    ),
    _bug(
        "ramp",
        "herd after closing",
        "idle time saves up a burst",
        "room = max(1.0, self.rate)",
        "room = 1000.0",
    ),
    _bug(
        "ramp",
        "learns from trouble",
        "the limited rate passes for the healthy one",
        "if self.rate is None and jobs > 0 and seconds > 0:",
        "if jobs > 0 and seconds > 0:",
    ),
]

_OUTAGES = [
    _bug(
        "outages",
        "one record per reopening",
        "each failed probe begins another outage",
        "        if self.current is not None:\n            return False\n",
        "",
        quick=True,
    ),
    _bug(
        "outages",
        "reset counted into MTTR",
        "an outage that was ended by hand counts as recovered",
        '            and outage.ended_by != "reset"\n            and outage.start',
        "            and outage.start",
    ),
    _bug(
        "outages",
        "running outage not counted",
        "down time shows when it is over",
        "((o.start, now if o.end is None else o.end) for",
        "((o.start, o.start if o.end is None else o.end) for",
    ),
    _bug(
        "outages",
        "unknown counted as up",
        "time in which nobody looked was fine",
        "return max(0.0, window - unknown - down), max(0.0, down), unknown",
        "return max(0.0, window - down), max(0.0, down), 0.0",
    ),
    _bug(
        "outages",
        "duration negative",
        "an outage ends before it began",
        "end=max(at, current.start)",
        "end=at",
    ),
    _bug(
        "outages",
        "flap not merged",
        "each flap is an outage",
        "            and 0 <= at - last.end < FLAP",
        "            and 0 <= at - last.end < 0",
    ),
    _bug(
        "outages",
        "restart forgets",
        "the outage that lasts is not taken up",
        "if outage.end is not None or number == len(log.outages) - 1",
        "if outage.end is not None",
    ),
    _bug(
        "outages",
        "history lost",
        "outages older than a month are gone",
        "KEEP = 400 * DAY",
        "KEEP = 30 * DAY",
    ),
    _bug(
        "outages",
        "made-up figure",
        "without an outage the mean time between them is 0",
        "        if not began:\n            return None",
        "        if not began:\n            return 0.0",
    ),
]

_LEDGER = [
    _bug(
        "plan",
        "person's lock overwritten",
        "a locked value is written over",
        "    elif locked and not standing:\n        obstacle = Kept.LOCKED\n",
        "",
        tests="test_ledger_machine.py",
        quick=True,
    ),
    _bug(
        "plan",
        "person's lock overwritten",
        "a field that a person locked empty is filled",
        "        if (row.confirmed and _same(spec, current, row.value))",
        "        if _same(spec, current, row.value)",
        tests="test_ledger_machine.py",
    ),
    _bug(
        "plan",
        "person's members removed",
        "a list is replaced as a whole",
        "    dropped = set(maybe_own) - set(desired)\n",
        "    dropped = set(current) - set(desired)\n",
        tests="test_ledger_machine.py",
    ),
    _bug(
        "plan",
        "person's members removed",
        "what another source wants is taken away",
        "    dropped -= others\n",
        "",
        tests="test_ledger_machine.py",
    ),
    _bug(
        "plan",
        "what we wrote stays for ever",
        "a source that was removed still wants what it wrote",
        "        for other in _owned(rows)\n",
        "        for other in rows\n",
        tests="test_ledger_machine.py",
    ),
    _bug(
        "plan",
        "person's members removed",
        "what another source's write under way wants does not count",
        "_by_name(other.intent if other.pending else other.value)",
        "_by_name(other.value)",
        tests="test_ledger_machine.py",
    ),
    _bug(
        "plan",
        "what we wrote stays for ever",
        "a list does not take back what a write that hangs may yet bring",
        "    if meant:\n        gone +=",
        "    if row is None:\n        gone +=",
        tests="test_plan.py",
    ),
    _bug(
        "plan",
        "older revision wins",
        "what stands there is not written again over a write that hangs",
        "    return replace(change, again=True)\n",
        "    return change\n",
        tests="test_ledger_machine.py",
    ),
    _bug(
        "plan",
        "what we wrote stays for ever",
        "of the writes that hang only the last keeps a list from being in line",
        "again=any(members.keys() != desired.keys() for members in meant),",
        "again=any(members.keys() != desired.keys() for members in meant[:1]),",
        tests="test_plan.py",
    ),
    _bug(
        "plan",
        "pending intent forgotten",
        "a write that hangs is forgotten where nothing may be written",
        "    if obstacle in (Kept.IDENTITY, Kept.UNIDENTIFIED, Kept.RELEASED):\n"
        "        return obstacle\n",
        "    if obstacle in (Kept.IDENTITY, Kept.UNIDENTIFIED, Kept.RELEASED):\n"
        "        return change\n",
        tests="test_plan.py",
    ),
    _bug(
        "plan",
        "what we wrote stays for ever",
        "a dropped member is not removed",
        "    dropped = set(maybe_own) - set(desired)\n",
        "    dropped = set()\n",
        tests="test_ledger_machine.py",
    ),
    _bug(
        "plan",
        "pending intent forgotten",
        "a value that a cut write left passes for a person's",
        "        or any(_same(spec, current, meant) for meant in row.meant)\n",
        "",
        tests="test_ledger_machine.py",
    ),
    _bug(
        "ledger",
        "pending intent forgotten",
        "the next intent replaces the one that was not confirmed",
        "        earlier = _earlier(db, number, source, change.field, intent)\n",
        "        earlier = None\n",
        tests="test_ledger_machine.py",
    ),
    _bug(
        "plan",
        "person's lock overwritten",
        "what was undone still counts as ours for the next revision",
        "            if row.released is None\n",
        "            if row\n",
        tests="test_plan.py",
    ),
    _bug(
        "plan",
        "title emptied",
        "an identity field is cleared",
        "    elif wanted is None and spec.identity:\n        obstacle = Kept.IDENTITY\n",
        "",
        tests="test_ledger_machine.py",
    ),
    _bug(
        "plan",
        "half-identified record blanks",
        "what the source does not know yet is emptied",
        "    elif wanted is None and not record.identified:\n"
        "        obstacle = Kept.UNIDENTIFIED\n",
        "",
        tests="test_ledger_machine.py",
    ),
    _bug(
        "plan",
        "emptiness takes what is not ours",
        "a mirror that has nothing empties the field",
        "    elif wanted is None and record.mirror and not ours:\n",
        "    elif wanted is None and record.mirror and not rows:\n",
        tests="test_ledger_machine.py",
    ),
    _bug(
        "plan",
        "undo is undone",
        "the same revision writes it again",
        "return row is not None and row.released == record.token()",
        "return False",
        tests="test_ledger_machine.py",
    ),
    _bug(
        "ledger",
        "what was before is lost",
        "each write notes the one before it",
        '" before = iif(released IS NULL, before, excluded.before),"',
        '" before = excluded.before,"',
        tests="test_ledger_machine.py",
    ),
    _bug(
        "ledger",
        "what was before is lost",
        "after an undo and a cut write ours passes for what was before",
        '" place = iif(released IS NULL, place, excluded.place), released = NULL",\n'
        "            (\n",
        '" place = iif(released IS NULL, place, excluded.place)",\n            (\n',
        tests="test_ledger_machine.py",
    ),
    _bug(
        "ledger",
        "what was before is lost",
        "the source that wrote last is asked",
        "FROM ledger WHERE item = ? ORDER BY place",
        "FROM ledger WHERE item = ? ORDER BY written",
        tests="test_ledger_machine.py",
    ),
    _bug(
        "ledger",
        "history lost with the rating key",
        "an item that was moved is a new one",
        "    for path in item.paths:\n        if moved",
        "    for path in ():\n        if moved",
        tests="test_ledger_machine.py",
    ),
    _bug(
        "undo",
        "what was before is lost",
        "with the source that has taken back what it wrote",
        "        story = [row for row in rows if row.released is None]\n",
        "        story = [row for row in rows if row.value is not None or row.pending]\n",
        tests="test_ledger_machine.py",
    ),
    _bug(
        "undo",
        "undo takes what is not ours",
        "a person's later value is written over",
        "elif any(item.fields[name] in (row.value, *row.meant) for row in story):",
        "elif story:",
        tests="test_ledger_machine.py",
    ),
    _bug(
        "undo",
        "undo takes what is not ours",
        "a member that a person added since goes too",
        "if _key(m) in old or _key(m) not in own]",
        "if _key(m) in old]",
        tests="test_undo.py",
    ),
]

# What lies between the parts, where no machine looks: the whole engine has to.
_BETWEEN = [
    _bug(
        "batch",
        "collection emptied",
        "the last member of a collection that is not ours is taken out",
        "            if spared:\n",
        "            if not spared:\n",
        tests="test_worker.py::test_collections_of_others_are_not_emptied",
    ),
    _bug(
        "batch",
        "cut write locks what nobody owns",
        "what stands there is owned after the write only",
        "                ledger.adopt(db, *whose, plan.adopted, now)\n",
        "",
        tests="test_worker.py::test_a_cut_write_locks_nothing_that_is_not_ours",
    ),
    _bug(
        "batch",
        "already synced",
        "what was in line before a cut write is taken for in line",
        "                queue.forget_settled(db, record.source, record.key)\n",
        "",
        tests="test_worker.py::test_what_a_cut_write_left_is_taken_back",
    ),
    _bug(
        "circuit",
        "outage dated back too far",
        "a fault that an earlier process left stays in the store",
        "self._first_fault, self._fault_on_disk = first, True",
        "self._first_fault = first",
        tests="test_worker.py::test_a_fault_that_an_earlier_process_left_is_forgotten_too",
    ),
    _bug(
        "circuit",
        "restart forgets",
        "a transition is not saved",
        "        self._announce(before, state, cause)\n        await self.save()\n",
        "        self._announce(before, state, cause)\n        self._dirty = False\n",
        tests="test_worker.py::test_every_transition_is_saved_at_once",
    ),
]

BUGS = [*_BREAKER, *_QUEUE, *_RAMP, *_OUTAGES, *_LEDGER, *_BETWEEN]
