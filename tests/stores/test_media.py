"""The media store: ids that cannot be guessed or collide, and media that stay as long as they are on a screen."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from secure_media.content.bodies import FunctionBody, SingleUseBody
from secure_media.content.sources import INLINE_LIMIT, FileSource, MemorySource
from secure_media.core.keys import KeyRing
from secure_media.errors import MediaChangedError, MediaNotFoundError
from secure_media.stores.media import Media, MediaStore
from secure_media.stores.media_ids import is_grant_only, media_id_in

SECRET = "a-secret-for-tests-0123456789-abcdefghij"
OTHER_SECRET = "z-secret-for-tests-9876543210-zyxwvutsrq"
ID = "0123456789abcdef0123456789abcdef01234567"
GRACE = 30.0
LONG_AGO = 1_000_000_000
MIB = 1024 * 1024
LARGE = bytes(range(256)) * 8192
#: Larger than any file that is copied.
ON_DISK = INLINE_LIMIT + 1


@dataclass
class World:
    """A store, with a clock and screens that change when they are told to."""

    now: float = 1000.0
    screen: set[str] = field(default_factory=set)

    def store(self, *secrets: str, **options: Any) -> MediaStore:
        """Return an empty store."""
        ring = KeyRing(secrets or [SECRET])
        return MediaStore(ring, on_screen=lambda: self.screen, grace=GRACE, clock=lambda: self.now, **options)


@pytest.fixture
def world() -> World:
    """Return a world in which nothing is on screen."""
    return World()


@pytest.fixture
def large_file(tmp_path: Path) -> Path:
    """Return a file that stays on the disk, and was last written long ago."""
    return _large_file(tmp_path / "large.bin", b"first")


def _large_file(path: Path, head: bytes) -> Path:
    path.write_bytes(head)
    os.truncate(path, ON_DISK)
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def _ids(store: MediaStore) -> set[str]:
    return {media.media_id for media in store.items()}


def _content(store: MediaStore, media_id: str) -> bytes:
    source = store.get(media_id).source
    return source.read(0, source.size)


def _anew(content: bytes) -> bytes:
    """Return the same bytes as another object."""
    return bytes(bytearray(content))


# --- ids


@pytest.mark.parametrize("content", [pytest.param(b"x", id="small"), pytest.param(LARGE, id="large")])
def test_same_content_has_the_same_id(world: World, content: bytes) -> None:
    """Content that comes again, as the same object or as another one, is one item with one id."""
    store = world.store()

    first = store.put(content, "image/png", None)

    assert store.put(content, "image/png", None) == first
    assert store.put(_anew(content), "image/png", None) == first
    assert len(store.items()) == 1
    assert world.store().put(content, "image/png", None) == first


def test_id_has_the_form_that_urls_need(world: World) -> None:
    """An id is what a URL may end with: forty hexadecimal digits."""
    store = world.store()
    ids = [store.put(content, "image/png", None) for content in (b"", b"x", LARGE)]

    assert all(media_id_in(media_id) == media_id for media_id in ids)


def test_item_is_what_was_put(world: World) -> None:
    """An item has the content, the type and the file name it was put with, and its id as validator."""
    store = world.store()
    media_id = store.put(b"a,b", "text/csv", "table.csv")

    media = store.get(media_id)

    assert (media.media_id, media.mimetype, media.save_as) == (media_id, "text/csv", "table.csv")
    assert media.content_type == "text/csv; charset=utf-8"
    assert media.etag == f'"{media_id}"'
    assert media.source.read(0, 3) == b"a,b"


def test_different_things_have_different_ids(world: World) -> None:
    """Content, type, file name, and whether it is a download: a difference in any of them is another item."""
    store = world.store()
    puts: list[tuple[bytes, str, str | None]] = [
        (b"x", "image/png", None),
        (b"y", "image/png", None),
        (b"", "image/png", None),
        (b"x", "image/gif", None),
        (b"x", "image/png", ""),
        (b"x", "image/png", "a"),
        (b"x", "image/png", "b"),
        (b"x", "image/png", "view"),
        (b"x", "image/pn", "ga"),
        (b"x", "", "image/png"),
        (b"x", "image/png", "\ud800"),
        (b"x", "image/png\ud800", None),
    ]

    ids = [store.put(*put) for put in puts]

    assert len(set(ids)) == len(puts)
    assert [store.put(*put) for put in reversed(puts)] == ids[::-1]


def test_large_content_of_two_types_is_two_items(world: World) -> None:
    """The shortcut for content that is known already tells types and names apart."""
    store = world.store()

    ids = {store.put(LARGE, mimetype, name) for mimetype in ("a/b", "c/d") for name in (None, "x", "y")}
    again = {store.put(_anew(LARGE), mimetype, name) for mimetype in ("a/b", "c/d") for name in (None, "x", "y")}

    assert len(ids) == 6
    assert again == ids


@pytest.mark.parametrize("content", [pytest.param(b"x", id="small"), pytest.param(LARGE, id="large")])
def test_content_on_terms_has_an_id_of_its_own_for_each(world: World, content: bytes) -> None:
    """The same content, shown in another way or on other terms, is another item, and each stays the same."""
    store = world.store()
    terms = ["", "an hour", "a minute"]

    ids = [store.put(content, "image/png", None, each) for each in terms]

    assert len(set(ids)) == 3
    assert [store.put(_anew(content), "image/png", None, each) for each in reversed(terms)] == ids[::-1]
    assert [store.get(media_id).terms for media_id in ids] == terms
    assert {store.get(media_id).source.read(0, len(content)) for media_id in ids} == {content}


def test_item_on_terms_goes_by_itself(world: World) -> None:
    """When it is removed, the same content on no terms stays, and comes back under its own id."""
    store = world.store()
    plain, on_terms = store.put(LARGE, "image/png", None), store.put(LARGE, "image/png", None, "an hour")
    store.discard(on_terms)
    world.now += GRACE + 1
    store.sweep()
    with pytest.raises(MediaNotFoundError):
        store.get(on_terms)

    assert store.put(_anew(LARGE), "image/png", None) == plain
    assert store.put(LARGE, "image/png", None, "an hour") == on_terms
    assert store.get(on_terms).source.read(0, 3) == LARGE[:3]


def test_id_says_whether_it_is_on_terms(world: World, tmp_path: Path) -> None:
    """Of a thousand ids, those on terms are known by themselves, and no other one is; of every kind of item."""
    store = world.store()
    path = tmp_path / "large"
    path.write_bytes(bytes(INLINE_LIMIT + 1))
    for terms in ("", "an hour"):
        ids = [store.put(b"%d" % number, "image/png", None, terms) for number in range(1000)]
        ids += [
            store.put_file(str(path), "image/png", None, terms),
            store.put_supply(SingleUseBody(iter([b"x"])), b"place", "text/plain", "x.txt", terms),
        ]
        assert len(set(ids)) == 1002
        assert {is_grant_only(media_id) for media_id in ids} == {bool(terms)}


def test_click_that_comes_before_its_run_gets_what_the_run_offers(world: World) -> None:
    """What is offered in the place of an iterator that was taken is there for who asks for the one that was."""
    store = world.store()
    first = store.get(store.put_supply(SingleUseBody(iter([b"1"])), b"place", "text/plain", "x.txt")).supply
    assert first is not None
    first.make()
    store.put_supply(SingleUseBody(iter([b"2"])), b"elsewhere", "text/plain", "x.txt")
    store.put_supply(FunctionBody(lambda: b"3"), b"place", "text/plain", "x.txt")

    body = first.make()

    assert isinstance(body, MemorySource)
    assert body.read(0, 9) == b"3"


def test_id_depends_on_the_active_key(world: World) -> None:
    """Whoever knows the content and not the key cannot work out the id."""
    first = world.store(SECRET).put(b"x", "image/png", None)

    assert world.store(OTHER_SECRET).put(b"x", "image/png", None) != first
    assert world.store(OTHER_SECRET, SECRET).put(b"x", "image/png", None) != first
    assert world.store(SECRET, OTHER_SECRET).put(b"x", "image/png", None) == first


def test_id_is_no_plain_hash_of_the_content(world: World) -> None:
    """The id is not one that anybody could confirm a guess with."""
    media_id = world.store().put(b"x", "image/png", None)

    for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512"):
        digest = hashlib.new(name, b"x", usedforsecurity=False).hexdigest()
        assert media_id not in digest
        assert digest[:20] not in media_id


@pytest.mark.parametrize("from_disk", [pytest.param(False, id="bytes"), pytest.param(True, id="files")])
def test_contents_that_differ_in_one_hidden_byte_have_different_ids(
    world: World, tmp_path: Path, from_disk: bool
) -> None:
    """Two files of 2 MiB with the same head, middle and tail do not collide."""
    one = bytearray(2 * MIB)
    other = bytearray(one)
    other[MIB // 2] = 1
    store = world.store()

    def put(content: bytes) -> str:
        if not from_disk:
            return store.put(content, "video/mp4", None)
        path = tmp_path / hashlib.sha256(content).hexdigest()
        path.write_bytes(content)
        return store.put_file(str(path), "video/mp4", None)

    ids = [put(bytes(one)), put(bytes(other)), put(bytes(one)), put(bytes(other))]

    assert ids[0] != ids[1]
    assert ids[2:] == ids[:2]
    assert [_content(store, media_id) for media_id in ids[:2]] == [one, other]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param(ID, ID, id="id"),
        pytest.param(f"{ID}.png", ID, id="extension"),
        pytest.param(f"{ID}.", ID, id="dot"),
        pytest.param(f"{ID}.html", ID, id="other-extension"),
        pytest.param(f"{ID}.tar.gz", ID, id="two-extensions"),
        pytest.param(f"{ID}.txt;a=b", ID, id="path-parameter"),
        pytest.param(f"{ID}.\u00e9", ID, id="odd-extension"),
        pytest.param(f"{ID}.{'x' * 215}", ID, id="256-characters"),
        pytest.param(f"{ID}.{'x' * 216}", None, id="257-characters"),
        pytest.param("", None, id="empty"),
        pytest.param("x", None, id="text"),
        pytest.param(ID[:-1], None, id="39-digits"),
        pytest.param(f"{ID}0", None, id="41-digits"),
        pytest.param(ID.upper(), None, id="capitals"),
        pytest.param(f" {ID}", None, id="space-before"),
        pytest.param(f"{ID} ", None, id="space-after"),
        pytest.param(f"{ID}\n", None, id="newline"),
        pytest.param(f"{ID}/", None, id="slash"),
        pytest.param(f"{ID}.png/x", None, id="path-below"),
        pytest.param(f"{ID}./../x", None, id="path-up"),
        pytest.param(f"../{ID}", None, id="path-to"),
        pytest.param(f"/{ID}", None, id="absolute"),
        pytest.param(f"{ID}\x00", None, id="nul"),
        pytest.param(f"{ID}-x", None, id="dash"),
        pytest.param(f"{ID[:-1]}g", None, id="no-hexadecimal-digit"),
        pytest.param(f"{ID[:-1]}\u0667", None, id="arabic-digit"),
        pytest.param(f"{ID[:-1]}\uff11", None, id="fullwidth-digit"),
        pytest.param("%30" + ID[1:], None, id="percent-encoded"),
        pytest.param("\ud800" * 40, None, id="lone-surrogates"),
    ],
)
def test_name_stands_for_an_id_or_for_none(name: str, expected: str | None) -> None:
    """What follows /media/ is an id, with or without an extension; every other name stands for nothing."""
    assert media_id_in(name) == expected


def test_unknown_id_is_not_found(world: World) -> None:
    """Nothing is there under an id that nothing was stored under."""
    store = world.store()
    media_id = store.put(b"x", "image/png", None)
    assert store.get(media_id).media_id == media_id

    with pytest.raises(MediaNotFoundError):
        store.get(ID)


# --- work that is not done twice


def _hashed(work: Callable[[], object]) -> int:
    """Return how often `work` began to compute a SHA-256."""
    began: list[Any] = []

    def note(frame: FrameType, event: str, what: Any) -> None:
        if event == "c_call" and what is hashlib.sha256:
            began.append(what)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return len(began)


def test_large_content_is_hashed_once(world: World) -> None:
    """Content that is known, as the same object or as another one, is recognised without being hashed."""
    store = world.store()
    again = _anew(LARGE)

    assert _hashed(lambda: store.put(LARGE, "image/png", None)) > 0
    assert _hashed(lambda: store.put(LARGE, "image/png", None)) == 0
    assert _hashed(lambda: store.put(again, "image/png", None)) == 0
    assert _hashed(lambda: store.put(LARGE[:-1] + b"\x01", "image/png", None)) > 0


def test_content_that_is_there_is_not_kept_twice(world: World) -> None:
    """The first object stays the only one that is held in memory."""
    store = world.store()
    first, second = _anew(LARGE), _anew(LARGE)
    store.put(first, "image/png", None)

    store.put(second, "image/png", None)

    (media,) = store.items()
    assert isinstance(media.source, MemorySource)
    assert media.source.content is first


def test_object_in_the_place_of_a_freed_one_is_not_mistaken_for_it(world: World) -> None:
    """Memory that is used again for other content does not make that content known."""
    store = world.store()
    for number in range(500):
        content = b"%d" % number * 50
        media_id = store.put(content, "image/png", None)
        assert _content(store, media_id) == content
        del content
        store.discard(media_id)
        world.now += GRACE
        store.sweep()

    assert store.items() == []


# --- what stays and what goes


def test_discarded_medium_stays_for_the_grace(world: World) -> None:
    """What is not on any screen goes when the grace is over, and not before."""
    store = world.store()
    media_id = store.put(b"x", "image/png", None)

    store.discard(media_id)
    world.now += GRACE - 0.001
    store.sweep()
    assert _ids(store) == {media_id}
    world.now += 0.001
    store.sweep()

    assert _ids(store) == set()
    with pytest.raises(MediaNotFoundError):
        store.get(media_id)


def test_medium_that_is_not_discarded_stays_for_ever(world: World) -> None:
    """Sweeping touches nothing that Streamlit has not let go of."""
    store = world.store()
    media_id = store.put(b"x", "image/png", None)

    world.now += 1_000_000
    store.sweep()

    assert _ids(store) == {media_id}


def test_discarded_medium_on_screen_stays(world: World) -> None:
    """A page that still shows it keeps a medium, however long, and it goes a grace after it has left the page."""
    store = world.store()
    media_id = store.put(b"x", "image/png", None)
    world.screen = {media_id}

    store.discard(media_id)
    world.now += 1_000_000
    assert not store.sweep()
    assert _ids(store) == {media_id}
    world.screen = set()
    world.now += GRACE - 1
    assert store.sweep()
    assert _ids(store) == {media_id}
    world.now += 1
    assert not store.sweep()

    assert _ids(store) == set()


def test_discarded_download_stays_for_a_click_that_is_on_its_way(world: World) -> None:
    """What somebody may have clicked on stays for a time of its own, what was only shown for the shorter one."""
    store = world.store(downloads=2 * GRACE)
    view, download = store.put(b"view", "text/plain", None), store.put(b"download", "text/plain", "a.txt")
    for media_id in (view, download):
        store.discard(media_id)

    world.now += GRACE
    store.sweep()
    assert _ids(store) == {download}
    world.now += GRACE - 0.001
    store.sweep()
    assert _ids(store) == {download}
    world.now += 0.001
    store.sweep()
    assert _ids(store) == set()


def test_grace_begins_with_the_first_discard(world: World) -> None:
    """Discarding again does not make a medium stay for longer."""
    store = world.store()
    media_id = store.put(b"x", "image/png", None)

    store.discard(media_id)
    world.now += GRACE / 2
    store.discard(media_id)
    assert _ids(store) == {media_id}
    world.now += GRACE / 2
    store.sweep()

    assert _ids(store) == set()


def test_discarding_sweeps(world: World) -> None:
    """The next discard takes away what is due."""
    store = world.store()
    first, second = store.put(b"1", "image/png", None), store.put(b"2", "image/png", None)
    store.discard(first)
    world.now += GRACE

    store.discard(second)

    assert _ids(store) == {second}


def test_the_end_of_an_animation_does_not_look_at_the_screens_for_every_picture(world: World) -> None:
    """A thousand pictures that are discarded at once cost a look or two, and go when their time has come."""
    looks = []

    def on_screen() -> set[str]:
        looks.append(world.now)
        return set()

    store = MediaStore(KeyRing([SECRET]), on_screen=on_screen, grace=GRACE, clock=lambda: world.now)
    for number in range(1000):
        store.discard(store.put(b"%d" % number, "image/png", None))
    assert len(looks) < 5

    world.now += GRACE
    store.sweep()
    assert _ids(store) == set()


def test_discarding_what_is_not_there_is_no_error(world: World) -> None:
    """Streamlit may let go of what is gone already."""
    store = world.store()
    media_id = store.put(b"x", "image/png", None)

    store.discard(ID)

    assert _ids(store) == {media_id}


@pytest.mark.parametrize("content", [pytest.param(b"x", id="small"), pytest.param(LARGE, id="large")])
@pytest.mark.parametrize("same", [pytest.param(True, id="same-object"), pytest.param(False, id="other-object")])
def test_put_brings_a_discarded_medium_back(world: World, content: bytes, same: bool) -> None:
    """Content that is shown again during its grace stays, and its next grace begins with its next discard."""
    store = world.store()
    media_id = store.put(content, "image/png", None)
    store.discard(media_id)
    world.now += GRACE / 2

    assert store.put(content if same else _anew(content), "image/png", None) == media_id

    world.now += GRACE * 10
    store.sweep()
    assert _ids(store) == {media_id}
    store.discard(media_id)
    world.now += GRACE / 2
    store.sweep()
    assert _ids(store) == {media_id}


@pytest.mark.parametrize("content", [pytest.param(b"x", id="small"), pytest.param(LARGE, id="large")])
def test_content_can_be_put_again_after_it_has_gone(world: World, content: bytes) -> None:
    """What was removed leaves no trace that would stand in the way of the same content."""
    store = world.store()
    media_id = store.put(content, "image/png", None)
    store.discard(media_id)
    world.now += GRACE
    store.sweep()
    assert _ids(store) == set()

    assert store.put(content, "image/png", None) == media_id

    assert _content(store, media_id) == content
    assert store.put(_anew(content), "image/png", None) == media_id


def test_twins_go_one_by_one(world: World) -> None:
    """Contents that look alike in samples are removed without disturbing each other."""
    store = world.store()
    other = bytearray(LARGE)
    other[1000] ^= 1
    first, second = store.put(LARGE, "a/b", None), store.put(bytes(other), "a/b", None)
    assert first != second

    store.discard(first)
    world.now += GRACE
    store.sweep()

    assert _ids(store) == {second}
    assert store.put(bytes(other), "a/b", None) == second
    assert store.put(LARGE, "a/b", None) == first


def test_discarded_media_do_not_fill_the_memory(world: World) -> None:
    """Beyond 64 MiB of discarded media the longest held go before their grace is over."""
    store = world.store()
    ids = [store.put(bytes([number]) * (24 * MIB), "a/b", None) for number in range(3)]

    for media_id in ids[:2]:
        store.discard(media_id)
        world.now += 1
    assert _ids(store) == set(ids)
    store.discard(ids[2])

    assert _ids(store) == set(ids[1:])


def test_media_on_screen_and_on_disk_do_not_count_as_held(world: World, large_file: Path) -> None:
    """The limit is for what only the grace keeps in memory."""
    store = world.store()
    ids = [store.put(bytes([number]) * (33 * MIB), "a/b", None) for number in range(2)]
    ids.append(store.put_file(str(large_file), "a/b", None))
    world.screen = {ids[0]}

    for media_id in ids:
        store.discard(media_id)

    assert _ids(store) == set(ids)
    world.screen = set()
    store.sweep()
    assert _ids(store) == set(ids[1:])


# --- what has left the pages


def test_released_view_goes_without_being_discarded(world: World) -> None:
    """What no page shows any more goes after the grace, though Streamlit would keep it until the run ends."""
    store = world.store()
    left, there = store.put(b"left", "image/png", None), store.put(b"there", "image/png", None)
    world.screen = {there}

    store.release([left, there, ID])

    assert _swept(world, store, after=GRACE - 1) == {left, there}
    assert _swept(world, store, after=1) == {there}


def test_dropped_view_goes_at_once(world: World) -> None:
    """What was overwritten before it was sent is removed, unless another page needs the same content."""
    store = world.store()
    gone, shown = (store.put(name, "image/png", None) for name in (b"gone", b"shown"))
    world.screen = {shown}

    store.drop([gone, shown, ID])

    assert _ids(store) == {shown}
    assert store.put(b"gone", "image/png", None) == gone


@pytest.mark.parametrize(
    "let_go", [pytest.param(MediaStore.release, id="release"), pytest.param(MediaStore.drop, id="drop")]
)
def test_downloads_and_files_are_left_to_streamlit(
    world: World, large_file: Path, let_go: Callable[[MediaStore, list[str]], None]
) -> None:
    """A click on a download may still be under way when its button has gone, and a file on the disk takes no memory."""
    store = world.store()
    view = store.put(b"x", "image/png", None)
    others = {store.put(b"x", "text/csv", "table.csv"), store.put_file(str(large_file), "video/mp4", None)}

    let_go(store, [view, *others])
    world.now += GRACE
    store.sweep()

    assert _ids(store) == others


# --- what links need


def _swept(world: World, store: MediaStore, *, after: float) -> set[str]:
    """Return what is still there some seconds later."""
    world.now += after
    store.sweep()
    return _ids(store)


def test_what_somebody_else_holds_is_found(world: World) -> None:
    """Media that the store does not hold may be held elsewhere; what nobody holds is not there."""
    held = Media("b" * 40, MemorySource(b"x"), "image/png", None)
    store = world.store(elsewhere=lambda media_id: held if media_id == held.media_id else None)

    assert store.get(held.media_id) is held
    assert store.items() == []
    with pytest.raises(MediaNotFoundError):
        store.get("c" * 40)


# --- files


def test_small_file_is_copied(world: World, tmp_path: Path) -> None:
    """What happens to a small file later does not change what was shown."""
    path = tmp_path / "picture.png"
    path.write_bytes(b"first")
    store = world.store()

    media_id = store.put_file(str(path), "image/png", None)
    path.write_bytes(b"other")

    assert _content(store, media_id) == b"first"
    assert store.put(b"first", "image/png", None) == media_id
    assert store.put_file(str(path), "image/png", None) != media_id


@pytest.mark.parametrize(
    ("size", "kind"),
    [
        pytest.param(0, MemorySource, id="empty"),
        pytest.param(INLINE_LIMIT, MemorySource, id="at-the-limit"),
        pytest.param(INLINE_LIMIT + 1, FileSource, id="above-the-limit"),
    ],
)
def test_large_file_stays_on_the_disk(world: World, tmp_path: Path, size: int, kind: type) -> None:
    """Files up to the limit are held in memory, larger ones are not."""
    path = tmp_path / "file"
    path.touch()
    os.truncate(path, size)
    store = world.store()

    media = store.get(store.put_file(str(path), "video/mp4", None))

    assert isinstance(media.source, kind)
    assert media.source.size == size


def test_large_file_has_one_id_as_long_as_it_stays_the_same(world: World, large_file: Path, tmp_path: Path) -> None:
    """A file that is shown again is one item; another place, state, type or name makes another one."""
    store = world.store()
    first = store.put_file(str(large_file), "video/mp4", None)
    copy = _large_file(tmp_path / "copy", b"first")

    assert store.put_file(str(large_file), "video/mp4", None) == first
    assert len(store.items()) == 1
    others = {
        store.put_file(str(copy), "video/mp4", None),
        store.put_file(str(large_file), "video/webm", None),
        store.put_file(str(large_file), "video/mp4", "film.mp4"),
        world.store(OTHER_SECRET).put_file(str(large_file), "video/mp4", None),
    }
    os.utime(large_file, (LONG_AGO, LONG_AGO + 1))
    others.add(store.put_file(str(large_file), "video/mp4", None))
    assert len(others - {first}) == 5


def test_large_file_that_is_deleted_is_still_served(world: World, large_file: Path) -> None:
    """A temporary file may go once it was shown."""
    store = world.store()
    media_id = store.put_file(str(large_file), "video/mp4", None)

    large_file.unlink()

    assert _content(store, media_id)[:5] == b"first"


def test_large_file_that_is_replaced_is_served_as_it_was(world: World, large_file: Path, tmp_path: Path) -> None:
    """A file that is moved into its place is another medium, also if size and time are the same."""
    store = world.store()
    before = store.put_file(str(large_file), "video/mp4", None)

    _large_file(tmp_path / "new", b"other").replace(large_file)
    after = store.put_file(str(large_file), "video/mp4", None)

    assert before != after
    assert _content(store, before)[:5] == b"first"
    assert _content(store, after)[:5] == b"other"


def test_large_file_that_is_written_to_is_not_served(world: World, large_file: Path) -> None:
    """What was shown is gone, so its id gives an error; what is there now has an id of its own."""
    store = world.store()
    before = store.put_file(str(large_file), "video/mp4", None)
    assert store.get(before).source.read(0, 5) == b"first"

    with large_file.open("r+b") as stream:
        stream.write(b"other")

    with pytest.raises(MediaChangedError):
        store.get(before).source.read(0, 5)
    after = store.put_file(str(large_file), "video/mp4", None)
    assert after != before
    assert store.get(after).source.read(0, 5) == b"other"


def test_put_file_brings_a_discarded_file_back(world: World, large_file: Path) -> None:
    """A large file that is shown again during its grace stays, and can go later."""
    store = world.store()
    media_id = store.put_file(str(large_file), "video/mp4", None)
    store.discard(media_id)

    assert store.put_file(str(large_file), "video/mp4", None) == media_id

    world.now += GRACE
    store.sweep()
    assert _ids(store) == {media_id}
    store.discard(media_id)
    world.now += GRACE
    store.sweep()
    assert _ids(store) == set()


def _missing(folder: Path) -> Path:
    return folder / "missing"


def _folder(folder: Path) -> Path:
    return folder


def _fifo(folder: Path) -> Path:
    os.mkfifo(folder / "fifo")
    return folder / "fifo"


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(_missing, id="missing"),
        pytest.param(_folder, id="directory"),
        pytest.param(
            _fifo, id="fifo", marks=pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs here")
        ),
    ],
)
def test_what_is_no_file_is_not_stored(world: World, tmp_path: Path, make: Callable[[Path], Path]) -> None:
    """A path that cannot be read as a file is an error that does not repeat it, and leaves nothing behind."""
    store = world.store()
    (tmp_path / "file").write_bytes(b"x")
    assert store.put_file(str(tmp_path / "file"), "a/b", None) in _ids(store)

    with pytest.raises(MediaNotFoundError) as caught:
        store.put_file(str(make(tmp_path)), "a/b", None)

    assert str(tmp_path) not in str(caught.value)
    assert len(store.items()) == 1
