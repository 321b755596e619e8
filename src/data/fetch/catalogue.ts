/**
 * The datasets supported by `deit data fetch`, at their public sources: the transfer sets of the paper (its table 6)
 * and what is needed to derive parts and labels. Checksums are those published by the sources or torchvision.
 */
import { flowersList, petsList } from "./arrange.js";

export interface CatalogueFile {
  readonly url: string;
  readonly md5: string;
  /** Exact length if known, else an upper limit. */
  readonly bytes?: number;
  readonly atMost: number;
  /** How to unpack the file (without `strip` leading folders); if absent, it is kept unchanged. */
  readonly unpack?: { readonly strip: number };
}

export type CatalogueEntry = {
  readonly about: string;
  /** URL of its terms of use. */
  readonly home: string;
} & (
  | {
      readonly kind: "files";
      readonly files: readonly CatalogueFile[];
      /** Maximum bytes on disk when unpacked. */
      readonly unpacked: number;
      /** Writes the list of samples if the files have none in a supported format. */
      readonly arrange?: (folder: string) => Promise<void>;
    }
  | { readonly kind: "hub"; readonly repository: string }
);

const MB = 1e6;
const GB = 1e9;
const unpack = { strip: 0 };

export const catalogue: Readonly<Record<string, CatalogueEntry>> = {
  cifar10: {
    about: "60,000 images of 32 pixels, 10 classes (163 MB)",
    home: "https://www.cs.toronto.edu/~kriz/cifar.html",
    kind: "files",
    files: [
      {
        url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        md5: "c32a1d4ab5d03f1284b67883e8d87530",
        bytes: 170_052_171,
        atMost: 200 * MB,
        unpack: { strip: 1 },
      },
    ],
    unpacked: 200 * MB,
  },
  cifar100: {
    about: "60,000 images of 32 pixels, 100 classes (161 MB)",
    home: "https://www.cs.toronto.edu/~kriz/cifar.html",
    kind: "files",
    files: [
      {
        url: "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
        md5: "03b5dce01913d631647c71ecec9e9cb8",
        bytes: 168_513_733,
        atMost: 200 * MB,
        unpack: { strip: 1 },
      },
    ],
    unpacked: 200 * MB,
  },
  flowers102: {
    about: "8,189 photographs of 102 flowers (345 MB)",
    home: "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/",
    kind: "files",
    files: [
      {
        url: "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/102flowers.tgz",
        md5: "52808999861908f626f3c1f4e79d11fa",
        atMost: 500 * MB,
        unpack,
      },
      {
        url: "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/imagelabels.mat",
        md5: "e0620be6f572b9609742df49c70aed4d",
        atMost: MB,
      },
      {
        url: "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/setid.mat",
        md5: "a5357ecc9cb78c4bef273ce3793fc85c",
        atMost: MB,
      },
    ],
    unpacked: GB,
    arrange: flowersList,
  },
  pets: {
    about: "7,349 photographs of 37 breeds of cats and dogs (811 MB)",
    home: "https://www.robots.ox.ac.uk/~vgg/data/pets/",
    kind: "files",
    files: [
      {
        url: "https://www.robots.ox.ac.uk/~vgg/data/pets/data/images.tar.gz",
        md5: "5c4f3ee8e5d25df40f4fd59a7f44e54c",
        atMost: 2 * GB,
        unpack,
      },
      {
        url: "https://www.robots.ox.ac.uk/~vgg/data/pets/data/annotations.tar.gz",
        md5: "95a8c909bbe2e81eed6a22bccdf3f68f",
        atMost: 100 * MB,
        unpack,
      },
    ],
    unpacked: 4 * GB,
    arrange: petsList,
  },
  inat18: inaturalist(2018, "461,939 photographs of 8,142 species (120 GB)", 140 * GB, [
    ["train_val2018.tar.gz", "b1c6952ce38f31868cc50ea72d066cc3"],
    ["train2018.json.tar.gz", "bfa29d89d629cbf04d826a720c0a68b0"],
    ["val2018.json.tar.gz", "f2ed8bfe3e9901cdefceb4e53cd3775d"],
  ]),
  inat19: inaturalist(2019, "268,243 photographs of 1,010 species (82 GB)", 100 * GB, [
    ["train_val2019.tar.gz", "c60a6e2962c9b8ccbd458d12c8582644"],
    ["train2019.json.tar.gz", "b06a6683537867c0d5c7a45f407a306d"],
    ["val2019.json.tar.gz", "5cc5509b0fe495f1c8c1362612448497"],
  ]),
  cars: {
    about: "16,185 photographs of 196 cars, from a copy on the Hugging Face hub, since its own home is gone (2 GB)",
    home: "https://huggingface.co/datasets/tanganke/stanford_cars",
    kind: "hub",
    repository: "tanganke/stanford_cars",
  },
};

function inaturalist(
  year: number,
  about: string,
  atMost: number,
  files: readonly (readonly [name: string, md5: string])[],
): CatalogueEntry {
  return {
    about,
    home: `https://github.com/visipedia/inat_comp/tree/master/${year}`,
    kind: "files",
    files: files.map(([name, md5]) => ({
      url: `https://ml-inat-competition-datasets.s3.amazonaws.com/${year}/${name}`,
      md5,
      atMost,
      unpack,
    })),
    unpacked: 2 * atMost,
  };
}
