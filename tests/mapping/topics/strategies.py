"""Topics and filters over few levels, so that they often match and overlap."""

from hypothesis import strategies as st

LEVELS = st.sampled_from(["a", "b", "", "$x"])
TOPICS = st.lists(LEVELS, min_size=1, max_size=4).map("/".join).filter(bool)


@st.composite
def filters(draw):
    levels = draw(st.lists(st.one_of(LEVELS, st.just("+")), min_size=0, max_size=3))
    if not levels or draw(st.booleans()):
        levels = [*levels, draw(st.sampled_from(["#", "+", "a"]))]
    return "/".join(levels) or "a"
