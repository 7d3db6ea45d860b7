/**
 * What a model keeps beside its network, as JSON in its file: preprocessing, and the errors of its training
 * rows.
 */
import { UsageError } from '../errors.ts'
import { ErrorQuantiles } from '../model/error-quantiles.ts'
import {
  type Feature,
  featureSize,
  MOST_NAME_LENGTH,
  type PictureShape,
  type Preprocessing,
  type Scaling,
} from '../model/preprocessing.ts'
import type { JsonFields } from './json-fields.ts'

/** Far more than anybody asks for. */
const MOST_QUANTILES = 100_001

export function preprocessingToJson({ features, label, picture, scaling }: Preprocessing): string {
  return JSON.stringify({ features, label, picture, scaling })
}

/**
 * Throws `FileError` for what is no preprocessing, or none for rows of `inputs` values.
 *
 * @param inputs of the network
 */
export function preprocessingFromJson(fields: JsonFields, inputs: number): Preprocessing {
  const features = fields.has('features') ? readFeatures(fields, inputs) : undefined
  const label = fields.has('label') ? readName(fields, 'label') : undefined
  if (label !== undefined && features?.some(({ name }) => name === label)) {
    fields.fail('label', 'a column that is no feature', label)
  }
  if (features !== undefined && fields.has('picture')) fields.fail('picture', 'none beside features', 'one')
  const picture = fields.has('picture') ? readPicture(fields.fields('picture'), inputs) : undefined
  const scaling = fields.has('scaling') ? readScaling(fields.fields('scaling'), inputs) : undefined
  return {
    ...(features && { features }),
    ...(label !== undefined && { label }),
    ...(picture && { picture }),
    ...(scaling && { scaling }),
  }
}

function readFeatures(fields: JsonFields, inputs: number): Feature[] {
  const listed = fields.list('features')
  if (listed.length > inputs) fields.fail('features', `at most ${inputs}, one an input`, listed.length)
  const names = new Set<string>()
  const features = listed.map((feature): Feature => {
    const kind = feature.oneOf('kind', ['number', 'category'])
    const name = readName(feature, 'name')
    if (names.has(name)) feature.fail('name', 'one that no other feature has', name)
    names.add(name)
    if (kind === 'category') return { kind, name, categories: readCategories(feature) }
    const fill = feature.optionalNumber('fill')
    return { kind, name, ...(fill !== undefined && { fill }) }
  })
  const made = features.reduce((sum, feature) => sum + featureSize(feature), 0)
  if (made !== inputs) fields.fail('features', `those of ${inputs} inputs`, made)
  return features
}

function readCategories(feature: JsonFields): string[] {
  const isShort = (text: string) => text.length <= MOST_NAME_LENGTH
  const categories = feature.texts('categories', isShort, `texts of at most ${MOST_NAME_LENGTH} characters`)
  if (new Set(categories).size < categories.length) {
    feature.fail('categories', 'each of them once', categories)
  }
  return categories
}

function readName(fields: JsonFields, field: string): string {
  const name = fields.string(field)
  return name.length <= MOST_NAME_LENGTH
    ? name
    : fields.fail(field, `at most ${MOST_NAME_LENGTH} characters`, name)
}

function readPicture(fields: JsonFields, inputs: number): PictureShape {
  const width = fields.integer('width', 1)
  const height = fields.integer('height', 1)
  const channels = fields.integer('channels', 1, 3)
  if (channels === 2) fields.fail('channels', '1 or 3', channels)
  const values = width * height * channels
  if (values !== inputs) fields.fail('width', `a picture of ${inputs} values`, values)
  return { width, height, channels: channels as 1 | 3 }
}

function readScaling(fields: JsonFields, inputs: number): Scaling {
  const kind = fields.oneOf('kind', ['minmax', 'standard'])
  const shift = readNumbers(fields, 'shift', inputs)
  const factor = readNumbers(fields, 'factor', inputs)
  const bad = factor.find((value) => value !== 0 && !(value > 0 && Number.isFinite(1 / value)))
  if (bad !== undefined) fields.fail('factor', 'numbers of at least 0 with a finite reciprocal', bad)
  const rows = fields.has('rows') ? fields.integer('rows', 1) : undefined
  return { kind, shift, factor, ...(rows !== undefined && { rows }) }
}

/** So many finite numbers. */
function readNumbers(fields: JsonFields, field: string, count: number): number[] {
  fields.lengthOf(field, count)
  const values = fields.numbers(field)
  const bad = values.find((value) => !Number.isFinite(value))
  // JSON's 1e999 is infinite.
  return bad === undefined ? values : fields.fail(field, 'finite numbers', bad)
}

export function trainingErrorsToJson({ values, count }: ErrorQuantiles): string {
  return JSON.stringify({ count, quantiles: values })
}

/** Throws `FileError` for what are no quantiles. */
export function trainingErrorsFromJson(fields: JsonFields): ErrorQuantiles {
  const count = fields.integer('count', 1)
  const quantiles = fields.numbers('quantiles')
  if (quantiles.length > MOST_QUANTILES) {
    fields.fail('quantiles', `at most ${MOST_QUANTILES} numbers`, quantiles.length)
  }
  try {
    return new ErrorQuantiles(quantiles, count)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    return fields.fail('quantiles', 'at least two numbers of at least 0 that ascend', quantiles)
  }
}
