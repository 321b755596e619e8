/** Starts the page. */
import { render } from "preact";
import "virtual:palette.css";
import "./styles/page.css";
import "./styles/parts.css";
import "./styles/teach.css";
import { App } from "./app";
import { Engine } from "./engine/client";
import { keepingFiles } from "./page/offline";

render(<App engine={new Engine(keepingFiles())} />, document.querySelector("#page")!);
