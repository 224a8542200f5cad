// A button to copy what stands beside it; without a script a click on the text selects it all.
for (const text of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break;
  const words = text.textContent.trim(); // before the button's own stand beside them
  const button = document.createElement("button");
  const said = document.createElement("span");
  button.type = "button";
  button.className = "copy";
  button.textContent = "複製";
  said.setAttribute("role", "status");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(words);
      said.textContent = "已複製";
    } catch {
      said.textContent = "未能複製，請選取文字";
    }
    setTimeout(() => { said.textContent = ""; }, 4000);
  });
  const place = text.closest("dd");
  place.append(" ", button, " ", said);
}
