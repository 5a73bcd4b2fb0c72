"""One shard and its producers in simulated time: the real limiter of each bridge, and producers that have none.

A shard accepts `records_per_sec`, with a burst of one second, and may refuse records at random too. `python -m
tests.delivery.shard_simulation` prints what several populations of producers get.
"""

import random

from bridge.delivery.shard_limiter import ShardLimiter
from bridge.delivery.token_bucket import RECORDS_PER_SEC

STEP_SECS = 0.02
RECORD_BYTES = 200
EPOCH_SECS = 1_700_000_000.0


class Shard:
    def __init__(self, chance, refused_at_random=0.0):
        self.records_per_sec, self.refused_at_random, self.chance = RECORDS_PER_SEC, refused_at_random, chance
        self.tokens, self.now, self.accepted = float(RECORDS_PER_SEC), 0.0, 0

    def put(self, count, now):
        """Return for each of `count` records whether it is accepted."""
        elapsed, self.now = now - self.now, now
        self.tokens = min(self.records_per_sec, self.tokens + elapsed * self.records_per_sec)
        return [self._accept() for _ in range(count)]

    def _accept(self):
        if self.tokens < 1 or self.chance.random() < self.refused_at_random:
            return False
        self.tokens -= 1
        self.accepted += 1
        return True


class Bridge:
    """A bridge with more than enough to send. `latency_secs` is drawn for each request; one is in flight at a time."""

    def __init__(self, shard, chance, starts_at=0.0):
        self.shard, self.chance, self.next_at = shard, chance, starts_at
        self.now = 0.0
        self.limiter = ShardLimiter(chance.random, lambda: EPOCH_SECS + self.now)
        self.answer = None
        self.sent = self.accepted = 0

    def step(self, now):
        self.now = now
        if self.answer is not None and now >= self.answer[0]:
            self._take(*self.answer[1:])
        if self.answer is None and now >= self.next_at:
            self._send(now)

    def _send(self, now):
        records = min(500, *self.limiter.available("s", now))
        if records <= 0:
            self.next_at = now + max(STEP_SECS, self.limiter.secs_until_available("s", now))
            return
        self.limiter.consume("s", records, records * RECORD_BYTES, now)
        self.answer = now + self.chance.uniform(0.01, 0.06), self.shard.put(records, now), now

    def _take(self, outcomes, sent_at):
        self.answer = None
        self.sent += len(outcomes)
        self.accepted += sum(outcomes)
        if all(outcomes):
            self.limiter.on_accepted("s", len(outcomes), len(outcomes) * RECORD_BYTES, self.now, sent_at)
        else:
            self.limiter.on_results("s", [(RECORD_BYTES, each) for each in outcomes], self.now, sent_at)
        self.next_at = self.now + self.limiter.secs_until_available("s", self.now)


class Aggressor:
    """A producer that sends at a constant rate, whatever is refused."""

    def __init__(self, shard, records_per_sec):
        self.shard, self.per_step = shard, records_per_sec * STEP_SECS
        self.owed = self.accepted = self.sent = 0

    def step(self, now):
        self.owed += self.per_step
        count, self.owed = int(self.owed), self.owed - int(self.owed)
        self.sent += count
        self.accepted += sum(self.shard.put(count, now))


def run(shard, producers, secs, now=0.0):
    """Let them send for some seconds; return the records per second of each, the refused fraction, and the time."""
    chance = random.Random(2)
    before = [(each.accepted, each.sent) for each in producers]
    end = now + secs
    while now < end:
        now += STEP_SECS
        for each in chance.sample(producers, len(producers)):  # who comes first within a step is chance
            each.step(now)
    accepted = [each.accepted - was for each, (was, _) in zip(producers, before, strict=True)]
    sent = sum(each.sent - was for each, (_, was) in zip(producers, before, strict=True))
    return [count / secs for count in accepted], 1 - sum(accepted) / max(1, sent), now


def bridges(count, seed=1, spread_secs=0.0, **options):
    chance = random.Random(seed)
    shard = Shard(chance, **options)
    return shard, [Bridge(shard, chance, chance.random() * spread_secs) for _ in range(count)]


def main():
    for count in (1, 2, 4, 10, 40):
        shard, made = bridges(count, spread_secs=2.0)
        _, _, now = run(shard, made, 60)
        rates, refused, _ = run(shard, made, 60, now)
        equal = sum(rates) / count
        worst = max(abs(rate / equal - 1) for rate in rates)
        print(f"{count:>3} bridges: {sum(rates):6.0f}/s, off equal by {worst:.0%}, refused {refused:.1%}")
    for fraction in (0.01, 0.1, 0.5):
        shard, made = bridges(1, refused_at_random=fraction)
        _, _, now = run(shard, made, 20)
        rates, _, _ = run(shard, made, 60, now)
        print(f"refused at random {fraction:.0%}: {rates[0]:.0f}/s")
    for offered in (1000, 1500, 2000):
        shard, made = bridges(1)
        made.append(Aggressor(shard, offered))
        _, _, now = run(shard, made, 60)
        rates, _, _ = run(shard, made, 120, now)
        print(f"beside a producer of {offered}/s that does not back off: {rates[0]:.0f}/s")


if __name__ == "__main__":
    main()
