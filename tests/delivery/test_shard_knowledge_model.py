"""Random splits, merges, stale listings, late responses and AUTO, compared with the true shards and a KCL consumer."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bridge.delivery.batch_outcome import sort_results
from bridge.delivery.shard_knowledge import MAX_UNDECIDED_SECS, Judgement, ShardKnowledge
from bridge.kinesis.packing.packers import PackedRecord
from bridge.kinesis.publisher import StreamDescription
from bridge.model import Destination, Record
from tests.delivery.simulated_stream import Request, SimulatedStream, pack

KPL = Destination("s", packing="kpl")
KEYS = [f"machine-{n}" for n in range(40)]
INDEX = st.integers(0, 7)
SECS = st.sampled_from([0.0, 0.01, 0.5, 3.0, 40.0])
SOME_KEYS = st.lists(st.sampled_from(KEYS), min_size=1, max_size=30)
MODEL = settings(max_examples=50, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Delivery(RuleBasedStateMachine):
    """State machine with several requests in flight that are answered in any order. Listings may be stale, or fail."""

    may_list = True

    def start(self, shards):
        self.now = 0.0
        self.stream = SimulatedStream(shards)
        self.knowledge = ShardKnowledge(KPL)
        self.knowledge.request()
        self.in_flight = []
        self.undecided = []
        self.listing = None
        self.sent = 0

    @rule(secs=SECS)
    def wait(self, secs):
        self.now += secs

    @rule(keys=SOME_KEYS)
    def send(self, keys):
        records = []
        for key in keys:
            self.sent += 1
            records.append(Record(self.sent, 1, key, b"%d" % self.sent))
        self.in_flight.append(Request(pack(self.knowledge, records), self.now))

    @precondition(lambda self: self.in_flight)
    @rule(index=INDEX, count=st.one_of(st.none(), st.integers(1, 5)))
    def place(self, index, count):
        self.stream.place(self.in_flight[index % len(self.in_flight)], count)

    @precondition(lambda self: self.in_flight)
    @rule(index=INDEX)
    def answer(self, index):
        request = self.in_flight.pop(index % len(self.in_flight))
        self.stream.place(request)
        outcome = sort_results(request.entries, request.results)
        if self.knowledge.on_accepted(request.entries, request.results, request.sent_at, self.now):
            self.judge_undecided()
        for packed, shard_id in outcome.misplaced:
            self.judge(packed, shard_id, self.now)
        for entry, result in zip(request.entries, request.results, strict=True):
            if isinstance(entry, PackedRecord) and (entry, result.shard_id) not in outcome.misplaced:
                assert self.stream.keeps(entry, result.shard_id)

    @rule(stale_secs=SECS)
    def list_shards(self, stale_secs):
        if self.knowledge.start_listing(self.now):
            self.listing = self.stream.listing_at(max(0.0, self.now - stale_secs))

    @precondition(lambda self: self.listing)
    @rule(fails=st.booleans())
    def answer_listing(self, fails):
        listing, self.listing = self.listing, None
        if fails or not self.may_list:
            again = self.knowledge.on_list_failed(self.now, denied=not self.may_list)
        else:
            again = self.knowledge.on_listed(listing, self.now)
        if again:
            self.judge_undecided()

    def judge(self, packed, shard_id, accepted_at):
        undecided_secs = self.now - accepted_at
        judgement = self.knowledge.judge(packed, shard_id, self.now, undecided_secs=undecided_secs)
        if judgement is Judgement.UNDECIDED:
            self.undecided.append((packed, shard_id, accepted_at))
        elif judgement is Judgement.DELIVERED:
            assert self.stream.keeps(packed, shard_id)
        elif self.may_list and undecided_secs <= MAX_UNDECIDED_SECS:
            assert not self.stream.keeps(packed, shard_id)

    def judge_undecided(self):
        undecided, self.undecided = self.undecided, []
        for packed, shard_id, accepted_at in undecided:
            self.judge(packed, shard_id, accepted_at)

    def teardown(self):
        """Check that, after the last change, traffic and current listings are enough to know all shards."""
        while self.in_flight:
            self.answer(0)
        self.run_until(self.settled)

    def run_until(self, settled):
        for _ in range(80):
            if settled():
                return
            self.wait(0.5)
            self.send(KEYS)
            self.wait(0.1)
            self.answer(0)
            self.judge_undecided()
            self.list_shards(0.0)
            if self.listing:
                self.answer_listing(fails=False)
        assert settled()


class Resharding(Delivery):
    """Partition keys determine the shard."""

    @initialize(shards=st.integers(1, 4), described=st.booleans())
    def begin(self, shards, described):
        self.start(shards)
        self.described = described
        self.knowledge.on_described(StreamDescription(described=described), self.now)

    @rule(index=INDEX)
    def split(self, index):
        if len(self.stream.stream.open_shards) < 8:
            self.stream.split(index, self.now)

    @rule(index=INDEX)
    def merge(self, index):
        self.stream.merge(index, self.now)

    @invariant()
    def only_what_surely_belongs_to_a_shard_is_predicted(self):
        for shard in self.knowledge.shards:
            true = self.stream.shard(shard.id)
            assert true.first_hash <= shard.first_hash <= shard.last_hash <= true.last_hash

    @invariant()
    def keys_that_decide_are_never_ignored(self):
        assert self.knowledge.distribution != "by_service"

    def settled(self):
        knowledge = self.knowledge
        placed = [knowledge.shard_of(key) for key in KEYS]
        right = [shard and shard.id for shard in placed] == [self.stream.stream.shard_of(key).id for key in KEYS]
        decided = knowledge.distribution == "by_key" or self.one_shard_and_nothing_permitted()
        return right and decided and not self.undecided and (knowledge.complete or not self.may_list)

    def one_shard_and_nothing_permitted(self):
        """Return whether it is impossible to find out how the stream distributes records."""
        return not (self.may_list or self.described) and len(self.stream.stream.open_shards) == 1


class ReshardingWithoutListings(Resharding):
    """ListShards is not permitted, so all shards are inferred from accepted records."""

    may_list = False


class PlacedByService(Delivery):
    """The stream chooses the shards itself, either from the beginning, or from a time at which all shards are listed.

    The case that it begins while shards are only inferred is not tested: records may be lost until the change is
    detected.
    """

    @initialize(shards=st.integers(2, 4), from_the_beginning=st.booleans(), may_list=st.booleans())
    def begin(self, shards, from_the_beginning, may_list):
        self.start(shards)
        self.may_list = may_list or not from_the_beginning
        self.from_the_beginning = from_the_beginning
        self.describe_permitted = True
        self.stream.stream.place_by_service(from_the_beginning)

    @precondition(lambda self: self.knowledge.complete)
    @rule()
    def switch(self):
        self.stream.stream.place_by_service()

    @rule(outcome=st.sampled_from(["answer", "failure", "denial"]))
    def describe(self, outcome):
        answers = {
            "answer": StreamDescription(distribution=self.stream.stream.distribution),
            "failure": None,
            "denial": StreamDescription(described=False),
        }
        if self.knowledge.on_described(answers[outcome], self.now):
            self.judge_undecided()

    @invariant()
    def nothing_proves_that_keys_decide(self):
        if self.from_the_beginning:
            assert self.knowledge.distribution != "by_key"

    def teardown(self):
        if self.stream.stream.distribution != "AUTO":
            self.run_until(lambda: self.knowledge.complete)
            self.switch()
        super().teardown()

    def settled(self):
        return self.knowledge.distribution == "by_service" and not self.undecided


TestResharding = Resharding.TestCase
TestReshardingWithoutListings = ReshardingWithoutListings.TestCase
TestPlacedByService = PlacedByService.TestCase
for case in (TestResharding, TestReshardingWithoutListings, TestPlacedByService):
    case.settings = MODEL
