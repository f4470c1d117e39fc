// Who the developer is: the sandbox answers as whatever role it is asked as. Elsewhere there is nothing to switch.
const STORED = "fieldgate:role";

const chosen = (() => {
  try {
    return JSON.parse(localStorage.getItem(STORED)) ?? {};
  } catch {
    return {};
  }
})();
let offered;

// The headers of a request, and the parameters of a connection, in the chosen role.
export function identity() {
  if (!offered || !chosen.role) return {};
  const { needsCustomer } = offered.roles.find(({ name }) => name === chosen.role) ?? {};
  return {
    [offered.header]: chosen.role,
    ...(needsCustomer && chosen.customer ? { [offered.customerHeader]: chosen.customer } : {}),
  };
}

function choose(change) {
  Object.assign(chosen, change);
  localStorage.setItem(STORED, JSON.stringify(chosen));
}

async function customers() {
  const response = await fetch("/graphql", {
    method: "POST",
    headers: { "content-type": "application/json", [offered.header]: offered.default },
    body: JSON.stringify({ query: "{ customers(first: 50) { nodes { id name } } }" }),
  });
  return (await response.json()).data?.customers?.nodes ?? [];
}

const titled = (name) => name.charAt(0).toUpperCase() + name.slice(1).replaceAll(/[-_]/g, " ");

function option(value, text) {
  const made = document.createElement("option");
  made.value = value;
  made.textContent = text;
  return made;
}

// Shows the switch where the gateway offers roles. Resolves once it is known whether it does.
export async function offerRoles(form) {
  try {
    const response = await fetch("/auth/roles");
    if (!response.ok) return;
    offered = await response.json();
  } catch {
    return;
  }
  const [role, customer] = form.querySelectorAll("select");
  const about = form.querySelector("output");
  if (!offered.roles.some(({ name }) => name === chosen.role)) chosen.role = offered.default;
  role.replaceChildren(...offered.roles.map(({ name }) => option(name, titled(name))));
  role.value = chosen.role;

  async function show() {
    const { description, needsCustomer } = offered.roles.find(({ name }) => name === chosen.role);
    about.textContent = description ?? "";
    about.title = about.textContent;
    customer.hidden = !needsCustomer;
    if (needsCustomer && customer.options.length === 0) {
      const known = await customers();
      customer.replaceChildren(...known.map(({ id, name }) => option(id, name)));
      if (!known.some(({ id }) => id === chosen.customer)) choose({ customer: known[0]?.id });
      customer.value = chosen.customer;
    }
  }

  role.addEventListener("change", () => {
    choose({ role: role.value });
    show();
  });
  customer.addEventListener("change", () => choose({ customer: customer.value }));
  form.hidden = false;
  await show();
}
