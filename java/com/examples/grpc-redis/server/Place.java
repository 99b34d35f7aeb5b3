package com.examples.grpcredis.server;

import java.util.List;

/**
 * The principal location of a time zone.
 *
 * @param name name of the zone, such as "Europe/Zurich"
 * @param latitude degrees north, -90 to 90
 * @param longitude degrees east, -180 to 180
 * @param countries ISO 3166 codes, principal country first, never empty
 * @param remark part of the country to which the zone applies; may be empty
 */
record Place(String name, double latitude, double longitude, List<String> countries, String remark) {}
