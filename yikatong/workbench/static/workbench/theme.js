/* Tabler's dark theme follows the device. Loaded before the page is drawn; without a script the workbench stays light. */
(() => {
  const dark = window.matchMedia('(prefers-color-scheme: dark)');
  const printed = window.matchMedia('print');
  const follow = () => { document.documentElement.dataset.bsTheme = dark.matches && !printed.matches ? 'dark' : 'light'; };
  dark.addEventListener('change', follow);
  printed.addEventListener('change', follow);
  follow();
})();
