// The token of the server: out of the first address, kept for this tab.

const NAME = "streamchat-token";

/**
 * Take the token out of the address, so that it is not in the history or on a picture.
 *
 * Return whether this tab has had another one.
 */
export function takeToken() {
  const address = new URL(location.href);
  const token = address.searchParams.get("token");
  if (token === null) return false;
  const before = getToken();
  sessionStorage.setItem(NAME, token);
  address.searchParams.delete("token");
  history.replaceState(null, "", address);
  return before !== null && before !== token;
}

export function getToken() {
  return sessionStorage.getItem(NAME);
}
