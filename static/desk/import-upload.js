/* Choosing files in several goes and by dropping them, and a first look at what can't be read.
   Without this the plain file field does; the server looks at everything again. */
document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("upload-form");
  const zone = document.getElementById("drop-zone");
  const input = form.querySelector("input[type=file]");
  const chosen = form.querySelector(".chosen");
  const told = form.querySelector(".told");
  const most = Number(form.dataset.mostFiles);
  const fits = /\.(txt|docx|pdf)$/i;
  let files = [];

  function show() {
    const basket = new DataTransfer();
    for (const file of files) basket.items.add(file);
    input.files = basket.files;
    const unfit = files.filter((file) => !fits.test(file.name));
    chosen.hidden = files.length === 0;
    chosen.querySelector(".count").textContent = `${files.length}個檔案`;
    chosen.querySelector("ul").replaceChildren(...files.map(describe));
    told.textContent = files.length > most
      ? `每次最多${most}個檔案，現有${files.length}個，請分批上載。`
      : unfit.length ? `${unfit.length}個檔案不是 .txt、.docx 或 .pdf，不會讀取。` : "";
  }

  function describe(file) {
    const item = document.createElement("li");
    const size = document.createElement("span");
    item.textContent = file.name;
    item.classList.toggle("unfit", !fits.test(file.name));
    size.className = "size";
    size.textContent = file.size < 1024 ** 2
      ? `${Math.ceil(file.size / 1024)} KB` : `${(file.size / 1024 ** 2).toFixed(1)} MB`;
    item.append(size);
    return item;
  }

  function add(more) {
    const known = new Set(files.map((file) => `${file.name}/${file.size}/${file.lastModified}`));
    files = files.concat([...more].filter(
      (file) => !known.has(`${file.name}/${file.size}/${file.lastModified}`)));
    show();
  }

  zone.classList.add("is-lively");
  zone.querySelector(".drop-hint").hidden = false;
  input.addEventListener("change", () => add(input.files));
  for (const name of ["dragenter", "dragover"]) {
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.add("is-over");
    });
  }
  for (const name of ["dragleave", "drop"]) {
    zone.addEventListener(name, () => zone.classList.remove("is-over"));
  }
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    add(event.dataTransfer.files);
  });
  form.addEventListener("submit", (event) => {
    if (files.length > most) event.preventDefault();
    else if (files.length) told.textContent = "上載中，請稍候…";
  });
});
