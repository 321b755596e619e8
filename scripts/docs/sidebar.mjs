/** TypeDoc plugin: names pages as docs/index.md does and lists them in its order, before the modules of the library. */
import { Converter, DefaultTheme } from "typedoc";
import { contents } from "./index-page.mjs";

export function load(app) {
  const sections = contents();
  const titles = new Map(sections.flatMap(({ pages }) => pages.map(({ path, title }) => [path, title])));
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_, document) => {
    const path = document.project.files.getReflectionPath(document);
    const title = titles.get(path);
    if (title === undefined) app.logger.error(`${path} is not in docs/index.md`);
    else document.name = title;
  });
  app.renderer.defineTheme(
    "deit",
    class extends DefaultTheme {
      buildNavigation(project) {
        const all = super.buildNavigation(project);
        const page = ({ title }) => all.find(({ text }) => text === title);
        const listed = sections.map(({ title, pages }) => ({ text: title, children: pages.map(page) }));
        const modules = all.filter(({ text }) => ![...titles.values()].includes(text));
        return [...listed.flatMap((s) => (s.text === "" ? s.children : [s])), { text: "Library", children: modules }];
      }
    },
  );
}
