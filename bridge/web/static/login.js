// The login form. After the login, the page shows the view that was requested. The form also accepts the link of a
// demo.
const form = document.querySelector("form");
const DEMO = /^#token=(demo-[\w-]+)$/;

// The fragment of the URL names the view. The form is sent to a URL with this fragment, because the browser keeps the
// fragment when it follows the redirect.
form.addEventListener("submit", () => { form.action = `/login${location.hash}`; });

// The demo prints a link with its token in the fragment. Browsers do not send a fragment to the server. The token is
// valid for one run of the demo, and is removed from the address bar. The page accepts only tokens of demos in a link.
const demo = DEMO.exec(location.hash);
if (demo) {
  history.replaceState(null, "", location.pathname);
  form.elements.token.value = demo[1];
  form.requestSubmit();
}
