// Copies the value of a field, and says so on the button.
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const field = document.getElementById(button.dataset.copy);
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      button.textContent = button.dataset.done;
    } catch {
      // Without a secure address there is no clipboard: the text is selected, to be copied by keys.
    }
  });
}
