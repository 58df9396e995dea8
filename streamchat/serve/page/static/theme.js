// Dark or light: as the system has it, until the switch says otherwise.

const NAME = "streamchat-theme";
const system = matchMedia("(prefers-color-scheme: dark)");

export function startTheme(button) {
  const show = () => {
    const chosen = localStorage.getItem(NAME);
    const dark = chosen ? chosen === "dark" : system.matches;
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    button.setAttribute("aria-checked", String(dark));
  };
  button.addEventListener("click", () => {
    const dark = button.getAttribute("aria-checked") === "true";
    localStorage.setItem(NAME, dark ? "light" : "dark");
    show();
  });
  system.addEventListener("change", show);
  show();
}
