// The login form: it continues at the view that was requested, and fills in the token of a demo.
const form = document.querySelector("form");
const DEMO = /^#token=(demo-[\w-]+)$/;

// A redirect keeps the fragment of the address that the form is sent to.
form.addEventListener("submit", () => { form.action = `/login${location.hash}`; });

// The demo prints a link with its token in the fragment, which no browser sends anywhere. It is valid for one run of the
// demo, and removed from the address bar. Tokens of other bridges are not accepted in a link.
const demo = DEMO.exec(location.hash);
if (demo) {
  history.replaceState(null, "", location.pathname);
  form.elements.token.value = demo[1];
  form.requestSubmit();
}
