/** The page: the model, and what can be done with it. */
import { ClassifyView } from "./classify/classify-view";
import type { Engine } from "./engine/client";
import { ModelBar } from "./models/model-bar";
import { useModels } from "./models/use-models";
import { Tabs } from "./page/tabs";
import { ThemeSwitch } from "./page/theme";
import { TeachView } from "./teach/teach-view";

export function App({ engine }: { readonly engine: Engine }) {
  const models = useModels(engine);
  const { opening, catalogue } = models;
  const model = opening.kind === "open" ? opening.model : undefined;
  return (
    <>
      <header>
        <h1>
          <img src="./icon.svg" alt="" width="32" height="32" />
          deit playground
        </h1>
        <ThemeSwitch />
      </header>
      <main>
        <ModelBar models={models} engine={engine} />
        <Tabs
          label="What to do"
          tabs={[
            { id: "classify", title: "Classify", body: <ClassifyView model={model} /> },
            {
              ...{ id: "teach", title: "Teach it" },
              body: <TeachView engine={engine} base={model} onTaught={models.adopt} onKept={models.refresh} />,
            },
          ]}
        />
      </main>
      <footer>
        <p class="fine">
          {model?.place === "server"
            ? "Pictures are sent to the server that this page comes from."
            : "Pictures and models stay in this browser."}{" "}
          {catalogue?.runs && <a href={catalogue.runs}>Training runs</a>}
        </p>
      </footer>
    </>
  );
}
