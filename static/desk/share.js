/* Copies a draft's link. Without JavaScript, or leave to write to the clipboard, it is selected. */
document.addEventListener("DOMContentLoaded", () => {
  const status = document.querySelector(".copied");
  for (const button of document.querySelectorAll("button.copy")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const address = document.getElementById(button.dataset.copies);
      address.select();
      try {
        await navigator.clipboard.writeText(address.value);
        status.textContent = "已複製連結。";
      } catch {
        status.textContent = "未能複製；連結已選取，請按 Ctrl+C（Mac 為 ⌘C）。";
      }
    });
  }
});
