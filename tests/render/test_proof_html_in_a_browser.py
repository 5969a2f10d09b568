"""The report as Chromium shows it: nothing is loaded, nothing runs but its own script; phones, paper and the dark."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ccoctl.federation.proof import Proof
from ccoctl.render.proof_html import proof_html
from tests.render import proofs

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
DESKTOP, PHONE = 1280, 390

Open = Callable[[Proof], None]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """A Chromium with an empty profile, at desktop width and in the light."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    service = pytest.importorskip("selenium.webdriver.chrome.service")
    programs = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    if missing := [name for name, path in programs.items() if path is None]:
        pytest.skip(f"{' and '.join(missing)} not found: install chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = programs["chromium"]
    for option in (*OPTIONS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=service.Service(programs["chromedriver"]))
    yield driver
    driver.quit()


@pytest.fixture
def show(browser: Chrome, tmp_path: Path) -> Iterator[Open]:
    """Opens the report of a proof from a file. Whatever it asked the network for, or complained of, fails the test."""
    see(browser)
    logs(browser)

    def opened(proof: Proof) -> None:
        path = tmp_path / "report.html"
        path.write_text(proof_html(proof), encoding="utf-8")
        browser.get(path.as_uri())

    yield opened
    told = logs(browser)
    assert told["browser"] == []
    asked = [entry for entry in told["performance"] if '"Network.requestWillBeSent"' in entry]
    assert asked
    assert all('"url":"file:///' in entry for entry in asked)


def logs(browser: Chrome) -> dict[str, list[str]]:
    """What the browser said since it was last asked: its console, and what it did on the network."""
    get_log: Callable[[str], list[dict[str, str]]] = browser.get_log
    return {kind: [entry["message"] for entry in get_log(kind)] for kind in ("browser", "performance")}


def see(browser: Chrome, *, width: int = DESKTOP, scheme: str = "light", media: str = "") -> None:
    """Sets the screen."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width == PHONE}
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})


def ask(browser: Chrome, script: str, *arguments: object) -> Any:
    """The value of an expression in the page."""
    return browser.execute_script(f"return {script}", *arguments)


def press(browser: Chrome, *keys: str) -> None:
    """Presses keys where the focus is."""
    from selenium.webdriver.common.keys import Keys

    element = browser.switch_to.active_element
    for key in keys:
        element.send_keys(getattr(Keys, key))
        element = browser.switch_to.active_element


ANSWER = "document.getElementById('answer').innerText"


@pytest.mark.parametrize("make", [proofs.one, proofs.seven, proofs.broken, proofs.fifty, proofs.without_key])
def test_no_width_makes_the_page_scroll_sideways(browser: Chrome, show: Open, make: Callable[[], Proof]) -> None:
    show(make())

    for width in (PHONE, 800, DESKTOP):
        see(browser, width=width)
        assert ask(browser, "document.documentElement.scrollWidth") <= width
        assert ask(browser, "innerWidth") == width


def test_every_cell_says_how_its_exchange_ended(browser: Chrome, show: Open) -> None:
    show(proofs.broken())
    cells = ask(
        browser,
        "[...document.querySelectorAll('.grid .accounts tr')].map(row => [...row.querySelectorAll('button')]"
        ".map(cell => cell.getAttribute('aria-label')))",
    )

    assert [len(row) for row in cells] == [7] * 9
    assert cells[1] == ["refused, as it must be", "granted, as it must be", *["refused, as it must be"] * 5]
    assert cells[4][0] == "no verdict"
    assert cells[5][3:5] == ["granted, and had to be refused", "refused, and had to be granted"]
    assert cells[8][6] == "granted as someone else"


def test_a_keyboard_reaches_the_matrix_and_the_arrows_show_the_clouds_answers(browser: Chrome, show: Open) -> None:
    show(proofs.broken())
    browser.execute_script("document.querySelector('.scroll').focus()")
    press(browser, "TAB")
    assert "Granted, as it must be" in ask(browser, ANSWER)

    press(browser, "ARROW_RIGHT")
    answer = ask(browser, ANSWER)
    assert "openshift-cluster-api/cluster-capi-operator → demo-openshift-machine-api-aws-cloud-credentials" in answer
    assert "refused with AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity" in answer

    press(browser, "PAGE_DOWN")
    assert "for another audience" in ask(browser, ANSWER)
    assert "Incorrect token audience" in ask(browser, ANSWER)

    press(browser, "END", "ARROW_RIGHT", "ARROW_DOWN")
    assert ask(browser, "document.activeElement.parentElement.cellIndex") == 7
    press(browser, "TAB")
    assert ask(browser, "document.activeElement.tagName") == "SUMMARY"
    assert ask(browser, "document.querySelectorAll('.grid button[tabindex=\"0\"]').length") == 1


def test_a_finger_or_a_pointer_shows_the_answer_and_it_is_in_sight(browser: Chrome, show: Open) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By

    show(proofs.broken())
    for width in (DESKTOP, PHONE):
        see(browser, width=width)
        wrong = browser.find_element(By.CSS_SELECTOR, ".grid .mark.open")
        browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", wrong)
        wrong.click()
        assert "Granted, and had to be refused" in ask(browser, ANSWER)
        assert ask(browser, "document.getElementById('answer').getBoundingClientRect().bottom") <= 900
        ActionChains(browser).move_to_element(browser.find_element(By.CSS_SELECTOR, ".grid .closed")).perform()
        assert "Refused, and had to be granted" in ask(browser, ANSWER)


def test_what_is_wrong_is_in_sight_and_differs_by_more_than_colour(browser: Chrome, show: Open) -> None:
    show(proofs.broken())

    assert ask(browser, "document.querySelector('h1').innerText") == "The federation of demo does not hold."
    assert "Another component's role: granted, and had to be refused" in ask(
        browser, "document.querySelector('#wrong').innerText"
    )
    signs = ask(
        browser,
        "['open', 'closed', 'mistaken', 'unanswered'].map(kind =>"
        "getComputedStyle(document.querySelector('.grid .' + kind), '::before').content)",
    )
    assert len(set(signs)) == 4
    assert ask(browser, "document.querySelectorAll('figure svg.wide g.sign').length") == 8


COLOURS = """(() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const linear = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const parts = [0.2126, 0.7152, 0.0722];
  const light = rgb => parts.reduce((sum, part, i) => sum + part * linear(rgb[i] / 255), 0);
  const rgb = colour => { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const ground = one => { for (; one; one = one.parentElement) {
    const colour = getComputedStyle(one).backgroundColor;
    if (colour !== 'rgba(0, 0, 0, 0)') return colour; } return 'white'; };
  const weak = [];
  for (const one of document.querySelectorAll('body *:not(script):not(svg *)')) {
    if (![...one.childNodes].some(node => node.nodeType === 3 && node.data.trim()) || !one.checkVisibility()) continue;
    const [a, b] = [getComputedStyle(one).color, ground(one)].map(rgb).map(light).sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) weak.push(one.outerHTML.slice(0, 120));
  }
  return [getComputedStyle(document.body).backgroundColor, weak];
})()"""


def test_light_and_dark_have_colours_of_their_own_and_both_are_legible(browser: Chrome, show: Open) -> None:
    show(proofs.broken())
    grounds = []
    for scheme in ("light", "dark"):
        see(browser, scheme=scheme)
        ground, weak = ask(browser, COLOURS)
        assert weak == []
        grounds.append(ground)

    assert len(set(grounds)) == 2


def test_paper_is_light_and_has_everything_unfolded(browser: Chrome, show: Open) -> None:
    show(proofs.fifty())
    see(browser, scheme="dark", media="print")
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")

    assert ask(browser, "getComputedStyle(document.documentElement).getPropertyValue('--ink')") == "#1c2420"
    assert ask(browser, "document.querySelectorAll('details:not([open])').length") == 0
    browser.execute_script("dispatchEvent(new Event('afterprint'))")
    assert ask(browser, "document.querySelectorAll('details:not([open])').length") == 51


@pytest.mark.parametrize(
    "text",
    [
        "</script><script>document.title='run'</script>",
        '"><img src=//127.0.0.1:9/x onerror="document.title=\'run\'">',
        "<svg onload=\"document.title='run'\"><iframe srcdoc=x>",
    ],
)
def test_a_strangers_text_is_shown_and_never_run(browser: Chrome, show: Open, text: str) -> None:
    show(proofs.hostile(text))
    press(browser, "TAB")

    assert text in ask(browser, "document.querySelector('h1').innerText")
    assert ask(browser, "document.title").startswith(text)
    assert ask(browser, "document.querySelectorAll('img, iframe').length") == 0
