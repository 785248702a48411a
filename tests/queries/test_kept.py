"""What is kept is built once, and again when its stamp changed or it was forgotten."""

from yikatong.queries.kept import Kept, forget_all


def test_it_is_built_again_only_when_the_stamp_changed() -> None:
    stamp, built = ["a"], []
    kept = Kept(lambda: stamp[0], lambda: built.append(stamp[0]) or len(built), every_s=0)
    assert [kept.get(), kept.get()] == [1, 1]
    stamp[0] = "b"
    assert [kept.get(), kept.get()] == [2, 2]


def test_the_stamp_is_not_asked_for_at_every_look() -> None:
    asked = []
    kept = Kept(lambda: asked.append(1), lambda: "value", every_s=3600)
    assert {kept.get() for _ in range(5)} == {"value"}
    assert len(asked) == 1


def test_forgetting_all_reads_again() -> None:
    built = []
    kept = Kept(lambda: "same", lambda: built.append(1) or len(built), every_s=3600)
    kept.get()
    forget_all()
    assert kept.get() == 2
