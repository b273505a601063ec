// The upstream of every variant, in the same process: nothing but the gateway is measured.
export default {
  fetch: () => new Response("ok\n"),
};
