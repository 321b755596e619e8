/**
 * Serves classifiers over HTTP.
 * @module deit/server
 */

export { type RunningServer, type ServedModels, type ServeOptions, serve } from "./serve.js";
