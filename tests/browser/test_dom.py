"""Elements of the page that are updated each second."""

import pytest

RENEWED = """async ([before, after, focused]) => {
    const { h, renew } = await import("/static/dom.js");
    const link = (name) => h("a", { href: `#/${name}` }, name);
    const rows = (names) => names.map((name) => h("li", { "data-key": name || null }, link(name)));
    const list = h("ul", {}, rows(before));
    document.body.replaceChildren(list);
    list.querySelector(`[href="#/${focused}"]`).focus();
    renew(list, rows(after));
    return [[...list.children].map((each) => each.textContent), document.activeElement.textContent];
}"""


@pytest.fixture(scope="module")
def renewed(browser, plant):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{plant.url}login")
    yield lambda before, after, focused: page.evaluate(RENEWED, [list(before), list(after), focused])
    context.close()


@pytest.mark.parametrize("after", ["b", "ab", "abc", "bc", "bcdefg"])
def test_renew_keeps_the_focus_of_a_row_where_others_come_and_go(renewed, after):
    assert renewed("bd", after, "b") == [list(after), "b"]


@pytest.mark.parametrize(("before", "after"), [("abc", "cab"), ("abc", ""), ("abc", ["", "b", ""]), (["", "a"], "ab")])
def test_renew_shows_exactly_the_new_rows(renewed, before, after):
    assert renewed(before, after, "a")[0] == list(after)
