// What the shop sells: a fixed assortment, made from a seed, shared by the services that show it and by the visitors
// that look for it, so that most of what is asked for exists.

import { Random } from "../random.ts";

export interface Product {
  id: number;
  sku: string;
  slug: string;
  name: string;
  category: string;
  priceCents: number;
}

export const CATEGORIES = [
  ...["shoes", "jackets", "t-shirts", "kitchen", "garden", "toys", "books", "audio", "home-office", "outdoor"],
  ...["bikes", "baby", "pets", "lighting", "tea-and-coffee", "sale"],
] as const;

export const COLORS = [
  "red",
  "blue",
  "green",
  "black",
  "white",
  "grey",
  "yellow",
  "navy",
  "olive",
  "off-white",
] as const;
export const MATERIALS = [
  "wool",
  "cotton",
  "leather",
  "oak",
  "steel",
  "linen",
  "bamboo",
  "ceramic",
  "recycled",
  "glass",
] as const;
export const THINGS = [
  ...["shoes", "boots", "sandals", "jacket", "raincoat", "shirt", "hoodie", "jeans", "socks", "scarf", "backpack"],
  ...["kettle", "teapot", "mug", "pan", "knife", "chopping board", "lamp", "desk", "chair", "shelf", "monitor stand"],
  ...["headphones", "speaker", "charger", "cable", "keyboard", "mouse", "tent", "sleeping bag", "bottle", "bike light"],
  ...["puzzle", "board game", "teddy", "novel", "cookbook", "planter", "hose", "bird feeder", "dog bed", "cat tree"],
] as const;

const SIZES = ["S", "M", "L", "XL", "01", "2B"] as const;

/** 600 products; ids from 1001, with gaps as in any shop that has stopped selling things. */
export const STOCK: readonly Product[] = makeStock(600);

function makeStock(count: number): Product[] {
  const random = new Random(20);
  return Array.from({ length: count }, (_, i) => {
    const name = `${random.pick(COLORS)} ${random.pick(MATERIALS)} ${random.pick(THINGS)}`;
    const id = 1001 + i * 7 + random.integer(0, 5);
    return {
      id,
      sku: `${name.slice(0, 2).toUpperCase()}-${random.integer(1000, 99999)}-${random.pick(SIZES)}`,
      slug: `${name.replaceAll(" ", "-")}-${id}`,
      name,
      category: random.pick(CATEGORIES),
      priceCents: random.integer(199, 29_999),
    };
  });
}
