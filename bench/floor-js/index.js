// The floor in JavaScript: passes requests on and does nothing else.
export default {
  fetch: (request, env) => env.UPSTREAM.fetch(request),
};
