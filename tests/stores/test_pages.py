"""Pages keep in memory what they show and what is on its way to them, whatever else their scripts have made."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field

import pytest

from secure_media.core.keys import KeyRing
from secure_media.stores.media import MediaStore
from secure_media.stores.pages import IN_FLIGHT, REMEMBERED, InUse, Page
from secure_media.stores.shown import ShownLedger

GRACE = 30.0
RESUMABLE = 120.0
#: In bytes.
LIMIT = 100_000
FRAME = 1_000
SESSION = "anna-tab"


@dataclass
class World:
    """A store and a ledger wired as in a deployment, a clock, and Streamlit's queue between script and browser."""

    now: float = 1000.0
    queue: dict[Hashable, list[str]] = field(default_factory=dict)
    #: What Streamlit holds: the newest at each place.
    referenced: dict[Hashable, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ledger = ShownLedger(grace=GRACE, resumable=RESUMABLE, limit=LIMIT, clock=lambda: self.now)
        self.store = MediaStore(
            KeyRing(["a-secret-for-tests-0123456789-abcdefghij"]),
            on_screen=self.ledger.on_screen,
            grace=IN_FLIGHT,
            clock=lambda: self.now,
        )
        self.ledger.begin(SESSION, "anna")

    def add(self, name: object, size: int = FRAME, session: str = SESSION) -> str:
        """Hand content of that name over, as an element does, and return its id."""
        media_id = self.store.put(f"{name}".encode().ljust(size, b"."), "image/png", None)
        self.ledger.registered(session, media_id, size=self.store.memory_of(media_id))
        self.store.drop(self.ledger.take_overtaken())
        return media_id

    def enqueue(self, place: Hashable, *media_ids: str) -> None:
        """Queue a message; it takes the place in the queue of the one that it overwrites."""
        self.queue[place] = self.referenced[place] = list(media_ids)

    def flush(self, session: str = SESSION) -> None:
        """Send what is in the queue."""
        if self.queue:
            self.ledger.batch_began(session)
        for place, media_ids in self.queue.items():
            self.ledger.sent(session, place, media_ids)
        self.queue = {}

    def show(self, place: Hashable, *names: object, size: int = FRAME) -> list[str]:
        """Hand over and send at once."""
        media_ids = [self.add(name, size) for name in names]
        self.enqueue(place, *media_ids)
        self.flush()
        return media_ids

    def run(self, script: Callable[[], object], *, whole: bool = True) -> None:
        """Run `script` in the session, and discard at its end what Streamlit discards."""
        if whole:
            self.referenced = {}
        self.ledger.run_started(SESSION, whole=whole)
        script()
        self.discard_orphans()
        self.flush()
        self.ledger.run_finished(SESSION, whole=whole)

    def discard_orphans(self) -> None:
        """Discard all that Streamlit does not hold, as it does when a run of any session ends."""
        referenced = {media_id for media_ids in self.referenced.values() for media_id in media_ids}
        for media in self.store.items():
            if media.media_id not in referenced:
                self.store.discard(media.media_id)

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and sweep as the event loop does."""
        for _ in range(max(1, int(seconds))):
            self.now += 1
            self.ledger.settle()
            self.store.release(self.ledger.take_replaced())
            self.store.sweep()

    def held(self) -> int:
        """Return how much memory all media take up, in bytes."""
        return sum(media.source.size for media in self.store.items())

    def has(self, media_ids: Iterable[str]) -> bool:
        """Return whether the browser can have all of these."""
        there = {media.media_id for media in self.store.items()}
        return all(media_id in there and self.ledger.was_shown("anna", media_id) for media_id in media_ids)


@pytest.fixture
def world() -> World:
    """Return a world in which Anna has a page open."""
    return World()


# --- animations


def test_unthrottled_animation_is_bounded_while_it_runs(world: World) -> None:
    """Frames that come faster than messages leave take up no more than the limit, and the newest is on the page."""
    world.ledger.run_started(SESSION)
    most = 0
    for number in range(5_000):
        world.enqueue("spot", world.add(number))
        if number % 20 == 0:
            world.flush()
        most = max(most, world.held())
    last = world.add("last")
    world.enqueue("spot", last)
    world.flush()

    assert most > LIMIT
    assert most < LIMIT + 400 * FRAME
    assert world.has([last])


def test_animation_leaves_one_frame_when_it_has_ended(world: World) -> None:
    """Some seconds after the end of a run, also if no other one follows, only what the page shows is in memory."""

    def animate() -> None:
        for number in range(90):
            world.enqueue("spot", world.add(number))

    world.run(animate)
    assert world.held() == 90 * FRAME

    world.pass_time(2 * IN_FLIGHT + 2)

    assert world.held() == FRAME
    assert world.has([world.add(89)])


def test_animation_without_end_is_bounded(world: World) -> None:
    """Streamlit discards nothing before a run ends; a camera that is on for hours keeps a few seconds of frames."""
    world.ledger.run_started(SESSION)
    for number in range(600):
        (shown,) = world.show("spot", number)
        world.pass_time(1)

    assert world.held() <= (IN_FLIGHT + 2) * FRAME
    assert world.has([shown])


def test_frame_stays_for_a_moment_after_it_was_replaced(world: World) -> None:
    """A browser that was just sent a frame may still ask for it when the next one has left."""
    world.ledger.run_started(SESSION)
    (first,) = world.show("spot", "first")
    (second,) = world.show("spot", "second")
    world.pass_time(1)

    assert world.has([first, second])
    world.pass_time(IN_FLIGHT + 1)
    assert world.has([second])
    assert not world.has([first])


@pytest.mark.parametrize("whole", [pytest.param(True, id="script"), pytest.param(False, id="fragment")])
def test_frame_that_is_replaced_while_it_is_shown_elsewhere_stays(world: World, whole: bool) -> None:
    """Another place of the page, or another page, keeps what one place has let go of."""
    world.ledger.begin("bert-tab", "bert")
    world.ledger.run_started(SESSION, whole=whole)
    both = world.show("spot", "here and there")
    world.show("other place", "here and there")
    others = [world.add("on another page", session="bert-tab")]
    world.ledger.sent("bert-tab", "place", others)
    world.show("spot", "on another page")
    world.show("spot", "something else")
    assert world.ledger.take_replaced() == []
    world.pass_time(60)

    assert world.has([*both, *others])


def test_medium_that_is_to_be_shown_again_is_not_let_go_of(world: World) -> None:
    """What has left one place and is on its way to another one stays, however long the message takes."""
    world.ledger.run_started(SESSION)
    (picture,) = world.show("first", "picture")
    world.ledger.run_started(SESSION)
    assert world.add("picture") == picture
    world.show("first", "something else")
    world.pass_time(60)
    world.enqueue("last", picture)
    world.flush()

    assert world.has([picture])


def test_script_may_be_ahead_of_its_messages(world: World) -> None:
    """What a run has registered before the end of the last one has left is kept as long as the run goes on."""
    world.ledger.run_started(SESSION)
    pictures = [world.add("of the next run")]
    world.ledger.run_finished(SESSION)
    world.ledger.run_started(SESSION)
    world.pass_time(60)
    pictures += [world.add("of the same list")]
    world.enqueue("list", *pictures)
    world.flush()

    assert world.has(pictures)


# --- pages


def test_page_of_many_pictures_keeps_them_all(world: World) -> None:
    """Pictures of many times the limit stay, through reruns in which Streamlit discards them and others animate."""
    pictures: list[str] = []

    def page() -> None:
        pictures[:] = [media_id for number in range(300) for media_id in world.show(number, f"p{number}", size=5_000)]
        for number in range(500):
            world.enqueue("spot", world.add(f"frame-{number}"))

    for _ in range(3):
        world.run(page)
        world.pass_time(20)
        assert world.has(pictures)
    assert world.held() <= 300 * 5_000 + LIMIT


def test_one_element_may_be_larger_than_the_limit(world: World) -> None:
    """A list of pictures is handed over one by one, and sent in one message at the end: none of it may go before."""
    world.show("title", "something that was sent before")
    world.show("title", "and another thing")

    pictures = [world.add(number) for number in range(5 * LIMIT // FRAME)]
    world.pass_time(60)
    world.enqueue("list", *pictures)
    world.flush()

    assert world.has(pictures)


def test_limit_holds_again_after_a_large_element(world: World) -> None:
    """What was allowed to one element, since all of it was to be shown, is not allowed to frames ever after."""
    world.show("list", *range(10 * LIMIT // FRAME))
    before = most = world.held()

    for number in range(2_000):
        world.enqueue("spot", world.add(f"frame-{number}"))
        most = max(most, world.held())
        if number % 20 == 0:
            world.flush()

    assert most - before < LIMIT + 200 * FRAME


def test_newer_message_in_the_place_of_an_older_one_overtakes_nothing_of_its_batch(world: World) -> None:
    """In a batch, a frame may come before pictures that were made before it; these are still to be sent."""
    world.enqueue("spot", world.add("first frame"))
    pictures = [world.add(f"p{number}") for number in range(2 * LIMIT // FRAME)]
    for number, picture in enumerate(pictures):
        world.enqueue(number, picture)
    frame = world.add("last frame")
    world.enqueue("spot", frame)

    world.ledger.batch_began(SESSION)
    world.ledger.sent(SESSION, "spot", world.queue.pop("spot"))
    for number in range(200):
        world.add(f"registered meanwhile {number}")
    for place, media_ids in world.queue.items():
        world.ledger.sent(SESSION, place, media_ids)

    assert world.has([*pictures, frame])


def test_threads_of_one_script_do_not_overtake_each_other(world: World) -> None:
    """While one fragment collects pictures for a list, another one animates; the list arrives complete."""
    pictures = [world.add(f"p{number}") for number in range(LIMIT // FRAME // 2)]

    def animate() -> None:
        for number in range(1_000):
            world.enqueue("spot", world.add(f"frame-{number}"))
            world.flush()

    thread = threading.Thread(target=animate)
    thread.start()
    thread.join()
    pictures += [world.add(f"q{number}") for number in range(LIMIT // FRAME)]
    world.enqueue("list", *pictures)
    world.flush()

    assert world.has(pictures)


def test_tiny_frames_do_not_push_out_what_is_still_to_be_sent(world: World) -> None:
    """However many frames of a few bytes one thread makes, a list that another one collects arrives complete."""
    pictures = [world.add("picture", size=10)]

    def animate() -> None:
        for number in range(REMEMBERED + 10):
            world.ledger.registered(SESSION, f"frame-{number}")
            if number % 20 == 0:
                world.ledger.batch_began(SESSION)
                world.ledger.sent(SESSION, "spot", [f"frame-{number}"])

    thread = threading.Thread(target=animate)
    thread.start()
    thread.join()
    world.enqueue("list", *pictures)
    world.flush()

    assert world.has(pictures)


def test_fragment_that_shows_a_thousand_pictures_each_second_loses_none(world: World) -> None:
    """Each run shows others; those of the last run are all there, those before it go, and other places stay."""
    (steady,) = world.show("outside", "steady")
    shown: list[str] = []

    def fragment(run: int) -> None:
        shown[:] = [media_id for number in range(1_000) for media_id in world.show(number, f"{run}-{number}")]

    for run in range(12):
        world.run(lambda run=run: fragment(run), whole=False)  # type: ignore[misc]
        world.pass_time(1)
        assert world.has([*shown, steady])

    assert world.held() <= 1_000 * (IN_FLIGHT + 2) * FRAME
    world.pass_time(10)
    assert world.held() == 1_001 * FRAME


@pytest.mark.parametrize("seed", range(4))
def test_whatever_a_page_shows_it_can_fetch(world: World, seed: int) -> None:
    """Of any mixture of animations, lists, reruns and pauses, what stands on the page is there to the last medium."""
    dice = random.Random(seed)
    page: dict[Hashable, list[str]] = {}
    pending: dict[Hashable, list[str]] = {}

    def flush() -> None:
        page.update(pending)
        pending.clear()
        world.flush()
        missing = [place for place, media_ids in page.items() if not world.has(media_ids)]
        assert not missing

    world.ledger.run_started(SESSION)
    for step in range(800):
        place = f"place {dice.randrange(20)}"
        count = dice.choice([0, 1, 1, 1, 1, 40])
        media_ids = [
            world.add(f"{step}-{dice.randrange(3)}-{number}", dice.choice([10, 5_000])) for number in range(count)
        ]
        world.enqueue(place, *media_ids)
        pending[place] = media_ids
        if dice.random() < 0.1:
            flush()
        if dice.random() < 0.02:
            world.referenced = {}
            world.discard_orphans()
        if dice.random() < 0.02:
            world.ledger.run_finished(SESSION, whole=False)
            world.ledger.run_started(SESSION, whole=False)
        if dice.random() < 0.01:
            flush()
            world.pass_time(dice.choice([1, 5, 60]))
    flush()


# --- what is said, and what it costs


def test_limit_is_logged_once_for_a_session(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """An animation that is too fast is one line in the log, and none if it keeps below the limit."""
    caplog.set_level(logging.INFO)
    world.show("spot", "slow")
    assert caplog.messages == []

    for number in range(3_000):
        world.enqueue("spot", world.add(number))
        if number % 10 == 0:
            world.flush()

    (message,) = caplog.messages
    assert message.startswith("session.memory_full ")
    assert SESSION not in message


def test_looking_for_room_does_not_take_longer_with_every_picture() -> None:
    """A long list of pictures beyond the limit is looked through a few times, not once for each of them."""

    class Counted(dict[str, object]):
        looks = 0

        def items(self) -> object:  # type: ignore[override]
            self.looks += 1
            return super().items()

    page = Page(InUse(), limit=LIMIT)
    counted = Counted()
    page.unsent = counted  # type: ignore[assignment]
    for number in range(10 * LIMIT // FRAME):
        page.expect(f"m{number}", size=FRAME, thread=1, now=0)

    assert 10 <= counted.looks <= 40
    assert len(counted) == 10 * LIMIT // FRAME


def test_nothing_is_kept_of_what_nobody_takes(world: World) -> None:
    """What was replaced is remembered for the next sweep in bounded number, though none may ever come."""
    for number in range(REMEMBERED + 10):
        world.ledger.registered(SESSION, f"m{number}")
        world.ledger.sent(SESSION, "spot", [f"m{number}"])

    assert len(world.ledger.take_replaced()) == REMEMBERED
    assert world.ledger.take_replaced() == []


def test_threads_are_forgotten(world: World) -> None:
    """A script that uses a new thread for every picture fills no memory by it."""
    page = Page(InUse(), limit=LIMIT)
    for number in range(1_000):
        page.expect(f"m{number}", size=1, thread=number, now=0)
        page.arrived(f"m{number}")

    assert len(page._threads) <= 64


# --- references to cached messages


def test_reference_stands_for_what_the_message_contained(world: World) -> None:
    """A table that the browser has cached does not hold the frames that the script has made meanwhile."""
    world.ledger.sent(SESSION, "table", [], reference="hash-of-table")
    frames = [world.add(number) for number in range(50)]

    world.ledger.sent_again(SESSION, "table", "hash-of-table")

    assert not any(world.ledger.was_shown("anna", frame) for frame in frames)
    world.ledger.run_finished(SESSION)
    world.now += IN_FLIGHT + 1
    world.ledger.settle()
    assert world.ledger.on_screen() == set()


def test_list_that_moves_by_reference_keeps_its_pictures(world: World) -> None:
    """A cached message that stands elsewhere after a rerun still shows its pictures, which were shown before."""
    pictures = [world.add(number) for number in range(3)]
    world.ledger.sent(SESSION, "second", pictures, reference="hash-of-list")

    world.ledger.run_started(SESSION)
    assert [world.add(number) for number in range(3)] == pictures
    world.show("second", "something else")
    world.ledger.sent_again(SESSION, "third", "hash-of-list")
    world.ledger.run_finished(SESSION)
    for picture in pictures:
        world.store.discard(picture)
    world.pass_time(60)

    assert world.has(pictures)


def test_reference_to_a_message_of_an_earlier_session_shows_what_was_registered(world: World) -> None:
    """A tab that comes back as a new session refers to what was sent to the old one; its pictures are there too."""
    pictures = [world.add(number) for number in range(3)]
    world.ledger.sent_again(SESSION, "list", "hash-of-earlier-list")
    world.ledger.run_started(SESSION)
    assert [world.add(number) for number in range(3)] == pictures
    world.show("list", "something else")

    world.ledger.sent_again(SESSION, "moved", "hash-of-earlier-list")
    world.ledger.run_finished(SESSION)
    world.referenced = {}
    world.discard_orphans()
    world.pass_time(60)

    assert world.has(pictures)


def test_reference_to_a_message_of_an_earlier_session_does_not_grow(world: World) -> None:
    """However often the script runs, such a reference stands for what was registered when it first came."""
    pictures = [world.add(number) for number in range(3)]
    world.ledger.sent_again(SESSION, "list", "hash-of-earlier-list")
    for run in range(5):
        world.ledger.run_started(SESSION)
        world.show("spot", f"the picture of run {run}")
        world.add(f"never sent in run {run}")
        world.ledger.sent_again(SESSION, "list", "hash-of-earlier-list")
        world.ledger.run_finished(SESSION)
        world.now += IN_FLIGHT + 1
        world.ledger.settle()

    assert set(pictures) < set(world.ledger.on_screen())
    assert len(world.ledger.on_screen()) == len(pictures) + 1


def test_reference_opens_nothing_that_the_script_does_not_show(world: World) -> None:
    """A large text with the URL of somebody else's medium shows it neither at first nor when it is referred to."""
    foreign = world.store.put(b"hers", "image/png", None)
    own = world.add("own")
    world.ledger.sent(SESSION, "text", [foreign, own], reference="hash")
    assert world.has([own])

    world.ledger.sent_again(SESSION, "text", "hash")

    assert not world.ledger.was_shown("anna", foreign)


def test_references_are_bounded(world: World) -> None:
    """Of messages without end the newest are remembered; older ones count as unknown."""
    for number in range(1_001):
        world.ledger.sent(SESSION, "list", [f"m{number}-{each}" for each in range(19)], reference=f"hash-{number}")
    for number in (1_000, 0):
        media_id = world.add(f"made before reference {number}")
        world.ledger.sent_again(SESSION, "list", f"hash-{number}")
        assert world.ledger.was_shown("anna", media_id) is (number == 0)

    for number in range(30):
        world.ledger.sent(SESSION, "list", [f"n{number}-{each}" for each in range(1_000)], reference=f"long-{number}")
    media_id = world.add("made at the end")
    world.ledger.sent_again(SESSION, "list", "hash-1000")
    assert world.ledger.was_shown("anna", media_id)
