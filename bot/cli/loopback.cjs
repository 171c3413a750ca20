// The Playground listens on every interface, and whoever opens its page speaks as its person. Loaded before it
// (node --require), this keeps every server of the process on loopback.
"use strict";

const { Server } = require("node:net");

const listen = Server.prototype.listen;

Server.prototype.listen = function (port, ...rest) {
  const everywhere = typeof port === "number" && typeof rest[0] !== "string";
  return everywhere ? listen.call(this, port, "127.0.0.1", ...rest) : listen.call(this, port, ...rest);
};
