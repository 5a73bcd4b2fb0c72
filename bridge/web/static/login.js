// The login form. After the login, the page shows the view that was requested. The form also accepts the link of a
// demo.
const form = document.querySelector("form");
const DEMO = /^#token=(demo-[\w-]+)$/;

// The fragment of the URL names the view. After a redirect, the browser uses the fragment of the URL that received the
// form.
form.addEventListener("submit", () => { form.action = `/login${location.hash}`; });

// The demo prints a link that has its token in the fragment. No browser sends a fragment to a server. The token is
// valid for one run of the demo, and is removed from the address bar. A link cannot contain the token of any other
// bridge.
const demo = DEMO.exec(location.hash);
if (demo) {
  history.replaceState(null, "", location.pathname);
  form.elements.token.value = demo[1];
  form.requestSubmit();
}
