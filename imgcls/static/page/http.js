// The page of the HTTP service
import {ask} from './ask.js'
import {start} from './page.js'

start(ask)
