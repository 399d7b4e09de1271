export { MOCK_TARGETS, mockEstate, type MockEstate } from './estate.js';
export { MAX_MOCK_POINTS, mockSeries } from './series.js';
