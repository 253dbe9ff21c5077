// Fits heads in a thread of its own.
import {fitted} from './head.js'

onmessage = ({data: {id, views}}) => postMessage({id, head: fitted(views)})
