// The playground's own choice of theme, made in its settings, holds on every page; without one the system's holds.
const theme = localStorage.getItem("graphiql:theme");
if (theme === "light" || theme === "dark") document.body.classList.add(`graphiql-${theme}`);
