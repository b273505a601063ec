// An upstream that is a Worker, reached by the service binding `UPSTREAM`.
export default {
  fetch(request) {
    const { pathname, search } = new URL(request.url);
    if (pathname === "/redirect") return new Response(null, { status: 302, headers: { Location: "/elsewhere" } });
    if (request.headers.get("Upgrade") !== "websocket") {
      return new Response(`bound ${request.method} ${pathname}${search}\n`);
    }
    const [client, server] = Object.values(new WebSocketPair());
    server.accept();
    server.addEventListener("message", ({ data }) => server.send(data));
    return new Response(null, { status: 101, webSocket: client });
  },
};
