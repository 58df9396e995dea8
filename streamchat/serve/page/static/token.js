// The token of the server: out of the first address, kept for this tab.

const NAME = "streamchat-token";

/** Take the token out of the address, so that it is not in the history or on a picture. */
export function takeToken() {
  const address = new URL(location.href);
  const token = address.searchParams.get("token");
  if (token === null) return;
  sessionStorage.setItem(NAME, token);
  address.searchParams.delete("token");
  history.replaceState(null, "", address);
}

export function getToken() {
  return sessionStorage.getItem(NAME);
}
