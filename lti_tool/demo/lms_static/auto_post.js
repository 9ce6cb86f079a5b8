// OIDC form_post: the page sends its form by itself; without scripts there is the button.
document.getElementById("auto-post").submit();
