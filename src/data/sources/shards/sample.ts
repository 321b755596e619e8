/** One sample of a WebDataset, built from its members: which is its image, and which contains its class. */
import { FileError } from "../../../errors/errors.js";
import { hasControls, quoted } from "../../../errors/quoted.js";
import type { ByteSource } from "../../../formats/byte-source.js";
import type { TarMember } from "../../../formats/tar.js";
import { asObject, parseJson } from "../../../system/text/json.js";
import { formatOfEnding, readableEndings } from "../../codec/file-format.js";
import { isImageName } from "../../dataset/files.js";
import { isPicture } from "../../dataset/left-out.js";
import { listed } from "../../dataset/parts.js";

/** Members that may contain the class; the first takes precedence, since a text next to it is more likely a caption. */
const labelMembers = ["cls", "json", "txt"] as const;
type LabelMember = (typeof labelMembers)[number];

/** Maximum size of a label member, and of its text. */
const longest = { bytes: 1 << 16, text: 200 };

export class ShardSample {
  readonly #images: { readonly extension: string; readonly member: TarMember }[] = [];
  readonly #labels = new Map<LabelMember, string>();
  /** Extensions of its members. */
  readonly #extensions: string[] = [];

  constructor(
    readonly source: ByteSource,
    readonly key: string,
    /** Whether a sample with this key has already been finished. */
    readonly seen: boolean,
  ) {}

  /** Adds a member of the sample, whose name after its first dot is `extension`. */
  async add(member: TarMember, extension: string): Promise<void> {
    this.#extensions.push(extension);
    if (isImageName(`x.${extension}`)) this.#images.push({ extension, member });
    const kind = labelMembers.find((each) => extension === each || (each === "cls" && extension === "cls.txt"));
    if (kind === undefined) return;
    const label = await this.#readLabel(member, kind);
    if (label !== undefined) this.#labels.set(kind, label);
  }

  /**
   * Its image and its class, null if it has none; undefined for members that are not a sample. Throws FileError without
   * an image.
   */
  finish(): { readonly image: TarMember; readonly label: string | null } | undefined {
    const kind = labelMembers.find((each) => this.#labels.has(each));
    if (this.#images.length === 0 && kind === undefined) return undefined;
    const label = kind === undefined ? null : this.#labels.get(kind)!;
    if (kind === "txt" && (label!.length > longest.text || label!.includes("\n")))
      throw this.#wrong(`has text in its .txt member but no class; add a .cls member`);
    return { image: this.#image(), label };
  }

  /** Why it has no image; if the sample has already been finished, its members are not adjacent. */
  #withoutImage(): FileError {
    if (this.seen)
      return this.#wrong("occurs twice: its members are not adjacent; pack them in the order of their names");
    const picture = this.#extensions
      .map((extension) => formatOfEnding(extension))
      .find((format) => format && isPicture(format));
    return this.#wrong(
      picture
        ? `has no image that is read, but ${picture.name}; convert it to JPEG or PNG`
        : `has no image, but ${listed(this.#extensions.map((extension) => `.${extension}`))}`,
    );
  }

  /** A plain extension takes precedence over one with a further word: of 0.jpg and 0.mask.png the first is used. */
  #image(): TarMember {
    const plain = this.#images.filter(({ extension }) => readableEndings.includes(extension));
    const images = plain.length > 0 ? plain : this.#images;
    if (images.length === 1) return images[0].member;
    if (images.length === 0) throw this.#withoutImage();
    const names = images.map(({ extension }) => `.${extension}`).join(", ");
    throw this.#wrong(
      `has several images (${names}), and nothing says which is meant; keep one of them, or name only one .jpg or .png`,
    );
  }

  async #readLabel({ offset, length, name }: TarMember, kind: LabelMember): Promise<string | undefined> {
    if (length > longest.bytes) {
      if (kind !== "cls") return undefined; // a description that is more than a label
      throw new FileError(
        this.source.name,
        `${quoted(name)} in "${this.source.name}" has ${length} bytes, which is not a class.`,
      );
    }
    const text = (await this.source.read(offset, length)).toString("utf8").trim();
    if (text.includes("\ufffd") || (kind === "cls" && hasControls(text)))
      throw new FileError(
        this.source.name,
        `${quoted(name)} in "${this.source.name}" is not UTF-8 text, but should hold a class; write it as a number or a name.`,
      );
    if (kind !== "json") return text === "" ? undefined : text;
    try {
      const { label, cls, class_name: className } = asObject(parseJson(text)) ?? {};
      const found = label ?? cls ?? className;
      return typeof found === "string" || typeof found === "number" ? String(found) : undefined;
    } catch {
      throw new FileError(this.source.name, `${quoted(name)} in "${this.source.name}" is no JSON.`);
    }
  }

  #wrong(what: string): FileError {
    return new FileError(this.source.name, `The sample ${quoted(this.key)} in "${this.source.name}" ${what}.`);
  }
}

/** Whether a member is one that macOS' tar or zip adds to each file, or a different hidden one. */
export const isHiddenMember = (name: string): boolean =>
  /(^|\/)(\.[^/]+|__MACOSX|PaxHeader(s\.\d+)?)(\/|$)/.test(name.replace(/^(\.\.?\/)+/, ""));
