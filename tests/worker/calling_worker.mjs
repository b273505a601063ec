// A Worker that calls the gateway over a service binding, eight times for each request, with the headers it was given:
// as requests of its own, or (`/forwarded`) each as a copy of the whole request.
export default {
  async fetch(request, env) {
    const forwarded = new URL(request.url).pathname === "/forwarded";
    const ask = (page) => {
      const url = `https://gateway/items?page=${page}`;
      return forwarded ? env.GATEWAY.fetch(new Request(url, request)) : env.GATEWAY.fetch(url, { headers: request.headers });
    };
    const answers = await Promise.all(Array.from({ length: 8 }, (_, page) => ask(page)));
    return Response.json(answers.map((answer) => answer.status));
  },
};
